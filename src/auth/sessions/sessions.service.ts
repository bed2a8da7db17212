import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { AppConfig, type AuthConfig } from '../../config/app-config';
import type { InvalidatingCache } from '../../users/invalidating-cache';
import { erasureInProgress } from '../../users/user.errors';
import { UsersService } from '../../users/users.service';
import { reauthenticationRequired } from '../auth.errors';
import { isOver, type Identity } from '../identity';
import { AccessTokens } from './access-tokens';
import { SessionsRepository } from './sessions.repository';
import { TokenFamilies } from './token-families';

/** Tokens of a session, with which a client proves who it is. */
export interface TokenPair {
  access: string;
  accessTtlSeconds: number;
  refresh: string;
}

/** The outcome of a refresh; `reuseOf`: the token was spent before, so its session has been ended. */
export type Refreshed = { userId: string; pair: TokenPair } | { reuseOf: string };

/** Logins that go on: an access token for each request, and a refresh token that is spent by its use. */
@Injectable()
export class SessionsService {
  private readonly identities: InvalidatingCache<Identity>;
  private readonly auth: AuthConfig;

  constructor(
    private readonly sessions: SessionsRepository,
    private readonly families: TokenFamilies,
    private readonly tokens: AccessTokens,
    private readonly users: UsersService,
    config: AppConfig,
  ) {
    this.identities = users.newCache();
    this.auth = config.auth;
  }

  async begin(userId: string): Promise<TokenPair> {
    const sessionId = randomUUID();
    await this.sessions.deleteExpired();
    const refresh = await this.families.begin(sessionId, userId);
    for (const id of await this.sessions.surplusOf(userId)) await this.end(userId, id);
    return this.pair(userId, sessionId, refresh);
  }

  /**
   * Who sent an access token; undefined if it is not valid, or its session has ended.
   * @throws {AppError} `erasure_in_progress`
   */
  async identify(token: string): Promise<Identity | undefined> {
    const claims = await this.tokens.verify(token);
    const identity = claims && (await this.find(claims.sessionId));
    if (claims && !identity && (await this.users.state(claims.userId))?.erasing) throw erasureInProgress();
    return identity?.userId === claims?.userId ? identity : undefined;
  }

  /** Whose session a refresh token is of, be it spent or not; undefined for what never was one, or of a session that has ended. */
  async identifyByRefreshToken(text: string): Promise<Identity | undefined> {
    const sessionId = await this.families.sessionOf(text);
    return sessionId === undefined ? undefined : this.find(sessionId);
  }

  /** Undefined once the session has ended or its user is locked out. One that seems to have expired may have been renewed since it was looked at. */
  async find(sessionId: string): Promise<Identity | undefined> {
    const known = await this.identities.get(sessionId, () => this.read(sessionId));
    if (!known || !isOver(known)) return known;
    this.identities.drop(sessionId);
    return this.identities.get(sessionId, () => this.read(sessionId));
  }

  /**
   * Spends a refresh token for a new pair. One that was spent before has been stolen, or its successor has, so the session ends.
   * @throws {AppError} `invalid_refresh_token`, `rate_limited`
   */
  async refresh(text: string): Promise<Refreshed> {
    const { userId, sessionId, next } = await this.families.rotate(text);
    if (next) return { userId, pair: await this.pair(userId, sessionId, next) };
    await this.end(userId, sessionId);
    return { reuseOf: userId };
  }

  /** The user has given the password again. */
  markAuthenticated(userId: string, sessionId: string): Promise<void> {
    return this.sessions.markAuthenticated(userId, sessionId);
  }

  /**
   * The user has given the password in this session lately: by logging in, or again since. Where others know who users are there is none
   * to be given.
   * @throws {AppError} `reauthentication_required`; to API keys always
   */
  async assertRecentlyAuthenticated({ userId, sessionId }: Identity): Promise<void> {
    const { mode, reauthenticationMaxAgeS } = this.auth;
    if (mode !== 'token') return;
    if (
      sessionId &&
      (await this.sessions.isRecentlyAuthenticated(userId, sessionId, reauthenticationMaxAgeS))
    )
      return;
    throw reauthenticationRequired();
  }

  end(userId: string, sessionId: string): Promise<void> {
    return this.users.change(userId, () => this.sessions.delete(userId, sessionId));
  }

  /** In a transaction with what makes it necessary. */
  endOthers<T>(userId: string, keptId: string | undefined, work: () => Promise<T>): Promise<T> {
    return this.users.change(userId, async () => {
      const done = await work();
      await this.sessions.deleteOthers(userId, keptId);
      return done;
    });
  }

  private async read(sessionId: string): Promise<{ userId: string; value: Identity } | undefined> {
    const session = await this.sessions.ownerOf(sessionId);
    if (!session) return undefined;
    const state = await this.users.state(session.user_id);
    if (!state?.is_active) return undefined;
    const { user_id: userId, expires_at } = session;
    return { userId, value: { userId, role: state.role, sessionId, expiresAt: expires_at.getTime() } };
  }

  private async pair(userId: string, sessionId: string, refresh: string): Promise<TokenPair> {
    const access = await this.tokens.sign({ userId, sessionId });
    return { access, accessTtlSeconds: this.tokens.ttlSeconds, refresh };
  }
}
