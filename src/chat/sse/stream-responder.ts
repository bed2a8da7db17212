import { Injectable, type MessageEvent } from '@nestjs/common';
import type { Response } from 'express';
import type { Observable } from 'rxjs';
import type { AuthenticatedRequest } from '../../auth/authenticated-request';
import { IdentityWatch } from '../../auth/identity-watch';
import { AppConfig } from '../../config/app-config';
import { NoContentException } from '../../http/no-content.exception';
import type { OpenedLog } from '../reply/reply-log';
import { eventStream } from './event-stream';

/** Turns logs into SSE answers. */
@Injectable()
export class StreamResponder {
  private readonly heartbeatMs: number;

  constructor(
    { chat }: AppConfig,
    private readonly watch: IdentityWatch,
  ) {
    this.heartbeatMs = chat.heartbeatMs;
  }

  stream(response: Response, log: OpenedLog): Observable<MessageEvent> {
    const { identity } = response.req as unknown as AuthenticatedRequest;
    return eventStream(response, log, this.heartbeatMs, identity && this.watch.ended(identity));
  }

  /** Without a log there is nothing more to read: 204 tells an `EventSource` not to come back. */
  streamOr204(response: Response, log: OpenedLog | undefined): Observable<MessageEvent> {
    if (!log) throw new NoContentException();
    return this.stream(response, log);
  }
}
