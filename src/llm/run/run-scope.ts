import { LlmError } from '../llm-error';
import type { AttemptListener } from './attempt';

/** What all attempts at one reply share: the caller's signal and the time that the reply may take as a whole. */
export class RunScope {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly caller: AbortSignal,
    totalTimeoutMs: number,
    readonly onAttempt: AttemptListener,
  ) {
    caller.throwIfAborted();
    caller.addEventListener('abort', this.abort, { once: true });
    this.timer = setTimeout(() => this.controller.abort(totalTimeout()), totalTimeoutMs);
  }

  /** Aborted with the caller's reason, or with an LlmError when the time is over. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  close(): void {
    clearTimeout(this.timer);
    this.caller.removeEventListener('abort', this.abort);
  }

  private readonly abort = (): void => this.controller.abort(this.caller.reason);
}

function totalTimeout(): LlmError {
  return new LlmError('provider_timeout', { detail: { reason: 'total' } });
}
