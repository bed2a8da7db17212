import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import type { AuthenticatedRequest } from '../auth/authenticated-request';
import { SessionExpiryWatcher } from '../auth/session-expiry-watcher';
import { AppConfig } from '../config/app-config';
import type { LogReader } from '../replies/log/reply-log';
import type { EventEncoder } from './event-encoder';
import type { FeedEvent } from '../replies/read/user-feed';
import { streamEvents, type StreamOptions } from './sse-response';
import { replyErrorEvent, feedErrorEvent } from './with-error-event';

/** Sends reply logs as SSE responses. Called by controllers. */
@Injectable()
export class StreamResponder {
  private readonly heartbeatMs: number;

  constructor(
    { chat }: AppConfig,
    private readonly watch: SessionExpiryWatcher,
  ) {
    this.heartbeatMs = chat.heartbeatMs;
  }

  /** Sends the log of replies. The response continues after this returns: an error can no longer be answered. */
  stream(response: Response, log: LogReader, encoder: EventEncoder): void {
    this.send(response, log, { encoder, makeErrorEvent: replyErrorEvent });
  }

  /** Sends the log of a user's feed, as `stream` does. */
  streamFeed(response: Response, log: LogReader<FeedEvent>, encoder: EventEncoder<FeedEvent>): void {
    this.send(response, log, { encoder, makeErrorEvent: feedErrorEvent });
  }

  /** Sends the log, or 204 without one, as there is nothing more to read: it tells an `EventSource` not to reconnect. */
  streamOr204(response: Response, log: LogReader | undefined, encoder: EventEncoder): void {
    if (log) this.stream(response, log, encoder);
    else response.status(204).end();
  }

  private send<E>(
    response: Response,
    log: LogReader<E>,
    as: Pick<StreamOptions<E>, 'encoder' | 'makeErrorEvent'>,
  ): void {
    const { identity, onStreamOpened } = response.req as unknown as AuthenticatedRequest;
    const watch = identity && ((onEnd: () => void) => this.watch.watch(identity, onEnd));
    onStreamOpened?.();
    streamEvents(response, log, { ...as, heartbeatMs: this.heartbeatMs, watch });
  }
}
