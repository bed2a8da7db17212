import { setImmediate as nextTurn } from 'node:timers/promises';
import { OPEN_ANSWER_BOUNDS } from '../../config/bounds';
import type { UserAnswers } from '../../limits/open-answers';
import type { LogReader } from '../../replies/log/reply-log';
import { withErrorEvent, type MakeErrorEvent } from '../../streaming/with-error-event';
import { tooManyStreams } from './socket.errors';
import type { SocketWriter } from './socket-writer';

/** A log to read on a socket, and its callbacks. */
export interface SubscriptionRequest {
  /** Names the message, the conversation or the user's feed; there is one subscription to each at a time. */
  key: string;
  /** The log as frames. */
  frames: LogReader<string>;
  /** Called after the last event, unless the reader ended it. */
  onEnd?: () => void;
  /** Called if the log cannot be read at all. */
  onFailure: (error: unknown) => void;
}

/** A log as frames of a socket; if it fails after an event, the contract's error event follows. */
export function asFrames<E>(
  log: LogReader<E>,
  makeErrorEvent: MakeErrorEvent<E>,
  toFrame: (event: E) => string,
): LogReader<string> {
  const whole = withErrorEvent(log, makeErrorEvent);
  return (listener, signal) => whole((batch) => listener(batch.map(toFrame)), signal);
}

/** The subscriptions of one socket. Ending one does not end the reply. Called by `SocketSession` and `SocketCommands`. */
export class SocketSubscriptions {
  private readonly subscriptions = new Map<string, AbortController>();
  private readonly pumps = new Set<Promise<void>>();

  constructor(
    private readonly writer: SocketWriter,
    private readonly answers: UserAnswers,
  ) {}

  /** @throws AppError `too_many_streams` */
  assertRoom(key?: string): void {
    // Each subscription costs a listener and a timer or two; a page does not need more than the limit.
    if (key !== undefined && this.subscriptions.has(key)) return;
    if (this.subscriptions.size >= OPEN_ANSWER_BOUNDS.subscriptionsOfSocket.limit) throw tooManyStreams();
    this.answers.assertRoom();
  }

  /** Starts a subscription, and replaces an earlier one with the same key. */
  begin(request: SubscriptionRequest): void {
    if (!this.writer.open) return;
    this.end(request.key);
    const controller = new AbortController();
    this.subscriptions.set(request.key, controller);
    const pump = this.pump(request, controller)
      .catch((error: unknown) => this.writer.open && request.onFailure(error))
      .then(() => void this.pumps.delete(pump));
    this.pumps.add(pump);
  }

  end(key: string): void {
    this.subscriptions.get(key)?.abort();
    this.subscriptions.delete(key);
  }

  endAll(): void {
    for (const key of this.subscriptions.keys()) this.end(key);
  }

  /** Waits until the current subscriptions have ended. */
  async finished(): Promise<void> {
    await Promise.all(this.pumps);
  }

  private async pump(
    { key, frames, onEnd }: SubscriptionRequest,
    controller: AbortController,
  ): Promise<void> {
    const { signal } = controller;
    const release = this.answers.count();
    try {
      await frames(async (batch) => {
        await this.writer.write(batch, signal);
        // A long log that is available at once must not block other work.
        await nextTurn();
      }, signal);
      if (!signal.aborted) onEnd?.();
    } finally {
      release();
      if (!signal.aborted) this.subscriptions.delete(key);
      // A log that ended by itself releases its timers only now.
      controller.abort();
    }
  }
}
