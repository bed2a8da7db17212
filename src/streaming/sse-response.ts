import type { Response } from 'express';
import type { LoggedEvent } from '../replies/events/event-codec';
import type { EventsListener, LogReader } from '../replies/log/reply-log';
import { SIGNED_OUT } from '../replies/events/reply-outcome';
import { errorEventAfter } from './with-error-event';
import { EventBody } from './event-body';
import { chunkOf, toChunk } from './event-bytes';

/** Calls back when the reader's identity has ended; answers what ends the watching. */
type IdentityWatcher = (onEnd: () => void) => () => void;

/** Made once: an abort without a reason makes an error with a stack each time. */
const LEFT = new Error('The reader has left.');
/** One line feed: widespread readers (`@microsoft/fetch-event-source`) take any blank line for the end of an event. */
const PING = toChunk(': ping\n');

/**
 * Answers with a reply's log as server-sent events, with a comment every so often that keeps proxies from cutting a quiet one. It
 * is read as fast as the client takes it, and ends with the log, or when the reader's identity does (`watch`); leaving ends
 * only the reading.
 */
export function streamEvents(
  response: Response,
  log: LogReader,
  heartbeatMs: number,
  watch?: IdentityWatcher,
): void {
  const { socket } = response.req;
  // Nobody would tell of it any more.
  if (response.destroyed || socket.destroyed) return;
  const body = new EventBody(response);
  const reading = new AbortController();
  const heartbeat = setInterval(() => body.full || body.write(PING), heartbeatMs);
  // Whoever does not take what was sent so far is not waited for.
  const unwatch = watch?.(() => (body.full ? response.destroy() : reading.abort(SIGNED_OUT)));
  const leave = (): void => {
    settle();
    reading.abort(LEFT);
  };
  const settle = (): void => {
    clearInterval(heartbeat);
    unwatch?.();
    response.off('close', leave);
    socket.off('close', leave);
  };
  response.once('close', leave);
  // An answer that waits for its turn on a connection does not hear of its end.
  socket.once('close', leave);
  void pump(body, log, reading.signal)
    .finally(settle)
    .then(
      () => body.end(),
      () => response.destroy(),
    );
}

async function pump(body: EventBody, log: LogReader, signal: AbortSignal): Promise<void> {
  let last: LoggedEvent | undefined;
  const take: EventsListener = (batch) => {
    last = batch.at(-1);
    return body.write(chunkOf(batch)) ? undefined : body.taken();
  };
  try {
    await log(take, signal);
  } catch (error) {
    if (!last || body.full) throw error;
    body.write(chunkOf([errorEventAfter(last)]));
    return;
  }
  // It repeats the last id, from which whoever signs in again can go on.
  if (signal.reason === SIGNED_OUT && last) body.write(chunkOf([errorEventAfter(last, SIGNED_OUT)]));
}
