import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** A reader that takes nothing for so long is let go; it resumes by the id of its last event. */
export const STALLED_MS = 30_000;

/** Made once: an abort without a reason makes an error with a stack each time. */
const DRAINED = new Error('The waiting is over.');
const STALLED = new Error('The reader takes nothing.');

type Destination = Pick<Writable, 'writableNeedDrain' | 'once'> & NodeJS.EventEmitter;

/**
 * Until the reader's connection takes more, or is closed.
 * @throws {Error} if it has taken nothing for too long
 */
export async function waitForDrain(connection: Destination, stalledMs = STALLED_MS): Promise<void> {
  await nextTurn();
  if (!connection.writableNeedDrain) return;
  const waiting = new AbortController();
  const { signal } = waiting;
  // Not `AbortSignal.timeout`, whose timer outlives the waiting: a slow reader waits many times in that time.
  const timer = setTimeout(() => waiting.abort(STALLED), stalledMs).unref();
  try {
    await Promise.race([once(connection, 'drain', { signal }), once(connection, 'close', { signal })]);
  } finally {
    clearTimeout(timer);
    waiting.abort(DRAINED);
  }
}
