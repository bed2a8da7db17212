import { setImmediate as nextTurn } from 'node:timers/promises';
import { OPEN_ANSWER_BOUNDS } from '../../config/bounds';
import type { LogReader } from '../../replies/log/reply-log';
import { withErrorEvent } from '../../streaming/with-error-event';
import { eventFrame } from './server-frames';
import { tooManyStreams } from './socket.errors';
import type { SocketWriter } from './socket-writer';

/** What is read, and for which frame. */
export interface Reading {
  /** A message or conversation: there is one reading of each at a time. */
  key: string;
  log: LogReader;
  requestId?: string;
  /** Called after the last event, unless the reader ended it. */
  onEnd?: () => void;
  /** Called if there is nothing that can be read. */
  onFailure: (error: unknown) => void;
}

/** All that one socket reads at the same time. Ending a reading does not end the reply. */
export class SocketSubscriptions {
  private readonly readings = new Map<string, AbortController>();
  private readonly pumps = new Set<Promise<void>>();

  constructor(private readonly writer: SocketWriter) {}

  /** @throws AppError `too_many_streams` */
  assertRoom(key?: string): void {
    // Each holds a listener and a timer or two, which a page that follows what it shows does not need more of.
    const { limit } = OPEN_ANSWER_BOUNDS.readingsOfSocket;
    if (this.readings.size < limit || (key !== undefined && this.readings.has(key))) return;
    throw tooManyStreams();
  }

  /** Takes the place of an earlier reading of the same. */
  begin(reading: Reading): void {
    if (!this.writer.open) return;
    this.end(reading.key);
    const ending = new AbortController();
    this.readings.set(reading.key, ending);
    const pump = this.pump(reading, ending)
      .catch((error: unknown) => this.writer.open && reading.onFailure(error))
      .then(() => void this.pumps.delete(pump));
    this.pumps.add(pump);
  }

  end(key: string): void {
    this.readings.get(key)?.abort();
    this.readings.delete(key);
  }

  endAll(): void {
    for (const key of this.readings.keys()) this.end(key);
  }

  /** Waits for what is read at the moment. */
  async finished(): Promise<void> {
    await Promise.all(this.pumps);
  }

  private async pump({ key, log, requestId, onEnd }: Reading, ending: AbortController): Promise<void> {
    const { signal } = ending;
    try {
      await withErrorEvent(log)(async (batch) => {
        const frames = batch.map((event) => eventFrame(event, requestId));
        await this.writer.write(frames, signal);
        // A long log that is all there must not keep everybody else waiting.
        await nextTurn();
      }, signal);
      if (!signal.aborted) onEnd?.();
    } finally {
      if (!signal.aborted) this.readings.delete(key);
      // A log that ended by itself lets go of its timers only now.
      ending.abort();
    }
  }
}
