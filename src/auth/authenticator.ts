import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { AppConfig } from '../config/app-config';
import { NO_IDENTITY } from '../http/no-identity';
import { unauthenticated } from './auth.errors';
import type { Identity } from './identity';
import { IdentityStrategy } from './strategies/identity-strategy';
import { StreamTicketsService } from './tickets/stream-tickets.service';

/** Finds out who sent a request. */
@Injectable()
export class Authenticator {
  constructor(
    private readonly strategy: IdentityStrategy,
    private readonly tickets: StreamTicketsService,
    private readonly config: AppConfig,
  ) {}

  /**
   * The caller of an ordinary route.
   * @throws {AppError} 401 without an identity
   */
  async identify(request: IncomingMessage): Promise<Identity> {
    return (await this.strategy.identify(request)) ?? this.byDefault(request);
  }

  /**
   * The caller of a stream or WebSocket, whose identity may also be in the query. A header wins.
   * @throws {AppError} 401 without an identity
   */
  async identifyStream(request: IncomingMessage, query: Readonly<Record<string, string>>): Promise<Identity> {
    const known = await this.strategy.identify(request);
    if (known) return known;
    if (query.ticket !== undefined) return this.tickets.redeem(query.ticket);
    return (await this.strategy.identifyByQuery(request, query)) ?? this.byDefault(request);
  }

  private async byDefault(request: IncomingMessage): Promise<Identity> {
    const identity = await this.strategy.identifyByDefault(request);
    if (identity) return identity;
    throw unauthenticated(this.strategy.challenge, NO_IDENTITY[this.config.auth.mode]);
  }
}
