import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../errors/app-error';

/** Seconds after which another instance, or this one restarted, will have taken over. */
const RETRY_AFTER_S = 5;

/** Whether the process is on its way out: what runs may end, nothing new begins. */
@Injectable()
export class Draining implements OnModuleDestroy {
  private draining = false;
  private readonly grace = new AbortController();

  /** Aborted when nobody wants to wait for what runs any more. */
  get skipGrace(): AbortSignal {
    return this.grace.signal;
  }

  get active(): boolean {
    return this.draining;
  }

  begin(): void {
    this.draining = true;
  }

  /** What runs is ended now, and told so. */
  endGrace(): void {
    this.grace.abort();
  }

  /** Shutdown begins here, before the streams are ended in `beforeApplicationShutdown`. */
  onModuleDestroy(): void {
    this.begin();
  }

  /** @throws {AppError} 503 `draining` once the process shuts down */
  assertOpen(): void {
    if (!this.draining) return;
    throw new AppError('unavailable', 'draining', 'The service is shutting down; try again.', {
      retryAfterS: RETRY_AFTER_S,
    });
  }
}

/** Clients and load balancers shall not send their next request here. */
export function closeWhenDraining(draining: Draining) {
  return (_request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    if (draining.active) response.setHeader('Connection', 'close');
    next();
  };
}
