import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { AppConfig } from '../config/app-config';
import { NO_IDENTITY } from '../http/no-identity';
import { invalidToken, unauthenticated } from './auth.errors';
import type { Identity } from './identity';
import { RefreshCookies } from './sessions/refresh-cookies';
import { IdentityStrategy } from './strategies/identity-strategy';
import { StreamTicketsService } from './tickets/stream-tickets.service';

/** Finds out who sent a request. */
@Injectable()
export class Authenticator {
  constructor(
    private readonly strategy: IdentityStrategy,
    private readonly tickets: StreamTicketsService,
    private readonly cookies: RefreshCookies,
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

  /**
   * The caller of a route that also takes the cookie of a refresh token, which is not spent by it. A header wins.
   * @throws {AppError} 401 without an identity; 403 `origin_not_allowed`
   */
  async identifyByCookie(request: IncomingMessage): Promise<Identity> {
    const token = request.headers.authorization === undefined ? this.cookies.read(request) : undefined;
    if (token === undefined) return this.identify(request);
    const identity = await this.cookies.identify(token);
    if (!identity) throw invalidToken(this.strategy.challenge);
    return identity;
  }

  private async byDefault(request: IncomingMessage): Promise<Identity> {
    const identity = await this.strategy.identifyByDefault(request);
    if (identity) return identity;
    throw unauthenticated(this.strategy.challenge, NO_IDENTITY[this.config.auth.mode]);
  }
}
