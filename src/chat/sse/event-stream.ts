import type { MessageEvent } from '@nestjs/common';
import type { Response } from 'express';
import { Observable, type Subscriber } from 'rxjs';
import type { LoggedEvent } from '../reply/reply-event';
import type { EventBatches } from '../reply/reply-log';
import { taken } from '../reply/taken';
import { withToldFailure } from '../reply/told-failure';

/**
 * A reply's log as the messages of an SSE response, with a comment every so often that keeps proxies from cutting a
 * quiet one. It is read as fast as the client takes it, and ends with the log; leaving ends only the reading.
 */
export function eventStream(
  response: Response,
  read: (signal: AbortSignal) => EventBatches,
  heartbeatMs: number,
): Observable<MessageEvent> {
  withoutStrayBlankLines(response);
  return new Observable((messages) => {
    const reading = new AbortController();
    const heartbeat = setInterval(() => messages.next({ comment: 'ping' }), heartbeatMs);
    void pump(response, read(reading.signal), messages).then(
      () => messages.complete(),
      () => response.destroy(),
    );
    return () => {
      clearInterval(heartbeat);
      reading.abort();
    };
  });
}

async function pump(
  response: Response,
  batches: EventBatches,
  messages: Subscriber<MessageEvent>,
): Promise<void> {
  // The contract's own error event, never Nest's.
  for await (const batch of withToldFailure(batches)) {
    for (const event of batch) messages.next(toMessageEvent(event));
    await taken(response);
  }
}

function toMessageEvent({ messageId, sequence, json }: LoggedEvent): MessageEvent {
  return { id: `${messageId}:${sequence}`, data: json };
}

/**
 * Nest writes a blank line first and another after each comment. The standard ignores both, but widespread readers
 * (`@microsoft/fetch-event-source`) take any blank line for the end of an event and hand on one without data.
 */
function withoutStrayBlankLines(response: Response): void {
  const write = response.write.bind(response) as (chunk: unknown, ...rest: unknown[]) => boolean;
  response.write = (chunk: unknown, ...rest: unknown[]) => {
    if (chunk === '\n') return true;
    const isComment = typeof chunk === 'string' && chunk.startsWith(':');
    return write(isComment ? chunk.replace(/\n+$/, '\n') : chunk, ...rest);
  };
}
