import type { Response } from 'express';
import type { EventsListener, LogReader } from '../replies/log/reply-log';
import { SIGNED_OUT } from '../replies/events/reply-outcome';
import type { MakeErrorEvent } from './with-error-event';
import { EventBody } from './event-body';
import { chunkOf, toChunk } from './event-bytes';
import type { EventEncoder } from './event-encoder';

/** Calls back when the reader's identity is no longer valid; returns a function that ends the watching. */
type IdentityWatcher = (onEnd: () => void) => () => void;

export interface StreamOptions<E> {
  encoder: EventEncoder<E>;
  /** Makes the contract's error event for after the last event that was sent, whose id it repeats. */
  makeErrorEvent: MakeErrorEvent<E>;
  heartbeatMs: number;
  watch?: IdentityWatcher;
}

/** Created once: an abort without a reason creates an error with a stack each time. */
const CLIENT_DISCONNECTED = new Error('The reader has left.');
/** Comment with one line feed: widespread readers (`@microsoft/fetch-event-source`) take any blank line for the end of an event. */
const PING = toChunk(': ping\n');

/**
 * Sends a log as server-sent events, with a comment every `heartbeatMs` that keeps proxies from cutting an idle stream. The log
 * is read as fast as the client drains it. The response ends with the log, or when the reader's identity does (`watch`); a disconnect
 * ends only the reading.
 */
export function streamEvents<E>(
  response: Response,
  log: LogReader<E>,
  { encoder, makeErrorEvent, heartbeatMs, watch }: StreamOptions<E>,
): void {
  const { socket } = response.req;
  // A closed connection has no further `close` event, which would end the reading.
  if (response.destroyed || socket.destroyed) return;
  const body = new EventBody(response);
  const reading = new AbortController();
  const heartbeat = setInterval(() => body.full || body.write(PING), heartbeatMs);
  // A client that has not drained the events sent so far is disconnected at once.
  const unwatch = watch?.(() => (body.full ? response.destroy() : reading.abort(SIGNED_OUT)));
  const onClose = (): void => {
    cleanUp();
    reading.abort(CLIENT_DISCONNECTED);
  };
  const cleanUp = (): void => {
    clearInterval(heartbeat);
    unwatch?.();
    response.off('close', onClose);
    socket.off('close', onClose);
  };
  response.once('close', onClose);
  // A response that waits for its turn on the connection gets no `close` event when that ends.
  socket.once('close', onClose);
  void pump(body, log, { encoder, makeErrorEvent }, reading.signal)
    .finally(cleanUp)
    .then(
      () => body.end(),
      () => response.destroy(),
    );
}

async function pump<E>(
  body: EventBody,
  log: LogReader<E>,
  { encoder, makeErrorEvent }: Pick<StreamOptions<E>, 'encoder' | 'makeErrorEvent'>,
  signal: AbortSignal,
): Promise<void> {
  let last: E | undefined;
  const deliver: EventsListener<E> = (batch) => {
    last = batch.at(-1);
    return body.write(chunkOf(batch, encoder)) ? undefined : body.drained();
  };
  try {
    await log(deliver, signal);
  } catch (error) {
    if (!last || body.full) throw error;
    body.write(chunkOf([makeErrorEvent(last)], encoder));
    return;
  }
  // The error event repeats the last event id, from which the client can resume after it has signed in again.
  if (signal.reason === SIGNED_OUT && last) body.write(chunkOf([makeErrorEvent(last, SIGNED_OUT)], encoder));
}
