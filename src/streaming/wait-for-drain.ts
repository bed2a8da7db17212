import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HTTP_BOUNDS } from '../config/bounds';

/** Abort reasons, created once: an abort without a reason creates an error with a stack each time. */
const DRAINED = new Error('The waiting is over.');
const STALLED = new Error('The reader takes nothing.');

type Destination = Pick<Writable, 'writableNeedDrain' | 'once'> & NodeJS.EventEmitter;

/**
 * Waits until the client's connection has drained, or is closed.
 * @throws {Error} if it has not drained for `stalledMs`
 */
export async function waitForDrain(
  connection: Destination,
  stalledMs: number = HTTP_BOUNDS.stalledReader.limit,
): Promise<void> {
  await nextTurn();
  if (!connection.writableNeedDrain) return;
  const controller = new AbortController();
  const { signal } = controller;
  // Not `AbortSignal.timeout`, whose timer outlives this wait: a slow client waits many times in that period.
  const timer = setTimeout(() => controller.abort(STALLED), stalledMs).unref();
  try {
    await Promise.race([once(connection, 'drain', { signal }), once(connection, 'close', { signal })]);
  } finally {
    clearTimeout(timer);
    controller.abort(DRAINED);
  }
}
