import { LlmError } from '../llm-error';
import type { AttemptListener } from './attempt';

/**
 * State that all tries of one step share: the caller's signal and the time that the step may take as a whole. Each try or wait, one at a time,
 * gets a controller of its own, which is aborted by either.
 */
export class RunDeadline {
  private readonly timer: NodeJS.Timeout;
  private current: AbortController | undefined;
  /** True once a part was passed on, or the reply has ended: no other model can be called any more. */
  streaming = false;
  /** Start of the step (`performance.now()`). */
  readonly startedAt = performance.now();
  private over: { reason: unknown } | undefined;
  private readonly tries = new Map<string, number>();

  constructor(
    private readonly caller: AbortSignal,
    totalTimeoutMs: number,
    readonly onAttempt: AttemptListener,
  ) {
    caller.throwIfAborted();
    caller.addEventListener('abort', this, { once: true });
    this.timer = setTimeout(() => this.end(totalTimeout()), totalTimeoutMs);
  }

  /** Controller of the next try or wait. @throws the caller's reason, or an LlmError when the time is over */
  begin(): AbortController {
    this.throwIfOver();
    this.current = new AbortController();
    return this.current;
  }

  /** @throws as `begin` */
  throwIfOver(): void {
    if (this.over) throw this.over.reason;
  }

  /** Number of the try at this model that begins now, from 1. */
  countTry(modelId: string): number {
    const number = (this.tries.get(modelId) ?? 0) + 1;
    this.tries.set(modelId, number);
    return number;
  }

  close(): void {
    clearTimeout(this.timer);
    this.caller.removeEventListener('abort', this);
  }

  /** Listener of the caller's signal, called when it aborts. */
  handleEvent(): void {
    this.end(this.caller.reason);
  }

  private end(reason: unknown): void {
    this.over ??= { reason };
    this.current?.abort(reason);
  }
}

function totalTimeout(): LlmError {
  return new LlmError('provider_timeout', { detail: { reason: 'total' } });
}
