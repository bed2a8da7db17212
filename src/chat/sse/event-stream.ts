import type { MessageEvent } from '@nestjs/common';
import type { Response } from 'express';
import { NEVER, Observable } from 'rxjs';
import { errorEvent, type LoggedEvent } from '../reply/reply-event';
import type { EventBatches } from '../reply/reply-log';
import { SIGNED_OUT } from '../reply/reply-outcome';
import { taken } from '../reply/taken';
import { withToldFailure } from '../reply/told-failure';
import { bytesOf } from './event-bytes';

/** Made once: an abort without a reason makes an error with a stack each time. */
const LEFT = new Error('The reader has left.');
/** One line feed: widespread readers (`@microsoft/fetch-event-source`) take any blank line for the end of an event. */
const PING = ': ping\n';

/**
 * A reply's log as an SSE response, with a comment every so often that keeps proxies from cutting a quiet one. It is read as
 * fast as the client takes it, and ends with the log, or when the reader's identity does (`ended`); leaving ends only the reading.
 *
 * Nest sends the head, notices that the client leaves, and ends the response. The events are written here, all of a batch at once: Nest
 * would format and write each of them by itself, and stray blank lines with them.
 */
export function eventStream(
  response: Response,
  read: (signal: AbortSignal) => EventBatches,
  heartbeatMs: number,
  ended: Observable<unknown> = NEVER,
): Observable<MessageEvent> {
  const write = takeOver(response);
  return new Observable((messages) => {
    const reading = new AbortController();
    // Nest sends the head with the first message, which itself is not written.
    messages.next({ comment: '' });
    const heartbeat = setInterval(() => response.writableNeedDrain || write(PING), heartbeatMs);
    const { signal } = reading;
    void pump(response, write, read(signal), signal).then(
      () => messages.complete(),
      () => response.destroy(),
    );
    // Whoever does not take what was sent so far is not waited for.
    const signOut = () => (response.writableNeedDrain ? response.destroy() : reading.abort(SIGNED_OUT));
    const identity = ended.subscribe(signOut);
    return () => {
      clearInterval(heartbeat);
      identity.unsubscribe();
      reading.abort(LEFT);
    };
  });
}

type Write = (chunk: string | Buffer) => boolean;

async function pump(
  response: Response,
  write: Write,
  batches: EventBatches,
  signal: AbortSignal,
): Promise<void> {
  let last: LoggedEvent | undefined;
  // The contract's own error event, never Nest's.
  for await (const batch of withToldFailure(batches)) {
    if (signal.aborted) break;
    last = batch.at(-1) ?? last;
    if (!write(bytesOf(batch))) await taken(response);
  }
  // It repeats the last id, from which whoever signs in again can go on.
  if (signal.reason === SIGNED_OUT && last)
    write(bytesOf([{ ...last, json: JSON.stringify(errorEvent(SIGNED_OUT)), terminal: true }]));
}

/** From now on only what the result of this is called with is written. The head waits a moment, to go with the first events. */
function takeOver(response: Response): Write {
  const write = response.write.bind(response) as Write;
  const flushHeaders = response.flushHeaders.bind(response);
  response.write = () => true;
  response.flushHeaders = () => void setImmediate(flushHeaders);
  return write;
}
