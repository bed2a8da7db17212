import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import type { AuthenticatedRequest } from '../auth/authenticated-request';
import { SessionExpiryWatcher } from '../auth/session-expiry-watcher';
import { AppConfig } from '../config/app-config';
import type { LogReader } from '../replies/log/reply-log';
import { streamEvents } from './sse-response';

/** Turns logs into SSE answers. */
@Injectable()
export class StreamResponder {
  private readonly heartbeatMs: number;

  constructor(
    { chat }: AppConfig,
    private readonly watch: SessionExpiryWatcher,
  ) {
    this.heartbeatMs = chat.heartbeatMs;
  }

  /** The answer goes on after this; nothing more can be refused. */
  stream(response: Response, log: LogReader): void {
    const { identity } = response.req as unknown as AuthenticatedRequest;
    const watch = identity && ((onEnd: () => void) => this.watch.watch(identity, onEnd));
    streamEvents(response, log, this.heartbeatMs, watch);
  }

  /** Without a log there is nothing more to read: 204 tells an `EventSource` not to come back. */
  streamOr204(response: Response, log: LogReader | undefined): void {
    if (log) this.stream(response, log);
    else response.status(204).end();
  }
}
