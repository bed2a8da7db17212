import type { MessageEvent } from '@nestjs/common';
import type { Response } from 'express';
import { Observable } from 'rxjs';
import type { EventBatches } from '../reply/reply-log';
import { taken } from '../reply/taken';
import { withToldFailure } from '../reply/told-failure';
import { bytesOf } from './event-bytes';

/** One line feed: widespread readers (`@microsoft/fetch-event-source`) take any blank line for the end of an event. */
/** Made once: an abort without a reason makes an error with a stack each time. */
const LEFT = new Error('The reader has left.');
const PING = ': ping\n';

/**
 * A reply's log as an SSE response, with a comment every so often that keeps proxies from cutting a quiet one. It is read as
 * fast as the client takes it, and ends with the log; leaving ends only the reading.
 *
 * Nest sends the head, notices that the client leaves, and ends the response. The events are written here, all of a batch at once: Nest
 * would format and write each of them by itself, and stray blank lines with them.
 */
export function eventStream(
  response: Response,
  read: (signal: AbortSignal) => EventBatches,
  heartbeatMs: number,
): Observable<MessageEvent> {
  const write = takeOver(response);
  return new Observable((messages) => {
    const reading = new AbortController();
    // Nest sends the head with the first message, which itself is not written.
    messages.next({ comment: '' });
    const heartbeat = setInterval(() => response.writableNeedDrain || write(PING), heartbeatMs);
    void pump(response, write, read(reading.signal)).then(
      () => messages.complete(),
      () => response.destroy(),
    );
    return () => {
      clearInterval(heartbeat);
      reading.abort(LEFT);
    };
  });
}

type Write = (chunk: string | Buffer) => boolean;

async function pump(response: Response, write: Write, batches: EventBatches): Promise<void> {
  // The contract's own error event, never Nest's.
  for await (const batch of withToldFailure(batches)) {
    if (!write(bytesOf(batch))) await taken(response);
  }
}

/** From now on only what the result of this is called with is written. The head waits a moment, to go with the first events. */
function takeOver(response: Response): Write {
  const write = response.write.bind(response) as Write;
  const flushHeaders = response.flushHeaders.bind(response);
  response.write = () => true;
  response.flushHeaders = () => void setImmediate(flushHeaders);
  return write;
}
