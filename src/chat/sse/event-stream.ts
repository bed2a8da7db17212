import type { MessageEvent } from '@nestjs/common';
import type { Response } from 'express';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { NEVER, Observable, type Subscriber } from 'rxjs';
import { errorEvent, type LoggedEvent } from '../reply/reply-event';
import { SIGNED_OUT, STORAGE_UNAVAILABLE } from '../reply/reply-outcome';
import type { EventBatches } from '../reply/reply-log';

/** A reader that takes nothing for so long is let go; it resumes by the id of its last event. */
const STALLED_MS = 30_000;

/**
 * A reply's log as the messages of an SSE response, with a comment every so often that keeps proxies from cutting a
 * quiet one. It is read as fast as the client takes it, and ends with the log, or when the reader's identity does (`ended`);
 * leaving ends only the reading.
 */
export function eventStream(
  response: Response,
  read: (signal: AbortSignal) => EventBatches,
  heartbeatMs: number,
  ended: Observable<unknown> = NEVER,
): Observable<MessageEvent> {
  withoutStrayBlankLines(response);
  return new Observable((messages) => {
    const reading = new AbortController();
    const heartbeat = setInterval(() => messages.next({ comment: 'ping' }), heartbeatMs);
    const leave = ended.subscribe(() => reading.abort(SIGNED_OUT));
    void pump(response, read(reading.signal), messages, reading.signal).then(
      () => messages.complete(),
      () => response.destroy(),
    );
    return () => {
      clearInterval(heartbeat);
      leave.unsubscribe();
      reading.abort();
    };
  });
}

async function pump(
  response: Response,
  batches: EventBatches,
  messages: Subscriber<MessageEvent>,
  signal: AbortSignal,
): Promise<void> {
  let last: MessageEvent | undefined;
  try {
    for await (const batch of batches) {
      for (const event of batch) messages.next((last = toMessageEvent(event)));
      await taken(response);
      if (signal.reason === SIGNED_OUT) break;
    }
    if (last && signal.reason === SIGNED_OUT)
      messages.next({ id: last.id, data: JSON.stringify(errorEvent(SIGNED_OUT)) });
  } catch (error) {
    // The contract's own error event, never Nest's. It repeats the last id, from which the client can go on.
    if (!last || isAbort(error)) throw error;
    messages.next({ id: last.id, data: JSON.stringify(errorEvent(STORAGE_UNAVAILABLE)) });
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** Until the client's connection takes more. */
async function taken(response: Response): Promise<void> {
  await nextTurn();
  if (!response.writableNeedDrain) return;
  const gaveUp = AbortSignal.timeout(STALLED_MS);
  const waiting = new AbortController();
  const signal = AbortSignal.any([gaveUp, waiting.signal]);
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } finally {
    waiting.abort();
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
