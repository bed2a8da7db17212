import { LlmError } from '../llm-error';
import type { AttemptListener } from './attempt';

/**
 * What all attempts at one step share: the caller's signal and the time that the reply may take as a whole. Whoever works for the
 * reply, one at a time, gets a controller of its own, which ends with either.
 */
export class RunDeadline {
  private readonly timer: NodeJS.Timeout;
  private current: AbortController | undefined;
  /** Something of the reply was handed on, or it has ended: nobody else can be asked any more. */
  streaming = false;
  /** `performance.now()` */
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

  /** @throws the caller's reason, or an LlmError when the time is over */
  begin(): AbortController {
    this.throwIfOver();
    this.current = new AbortController();
    return this.current;
  }

  /** As `begin`. */
  throwIfOver(): void {
    if (this.over) throw this.over.reason;
  }

  /** Which try at this model begins now, from 1. */
  countTry(modelId: string): number {
    const number = (this.tries.get(modelId) ?? 0) + 1;
    this.tries.set(modelId, number);
    return number;
  }

  close(): void {
    clearTimeout(this.timer);
    this.caller.removeEventListener('abort', this);
  }

  /** The caller has aborted. */
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
