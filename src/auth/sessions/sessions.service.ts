import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { AppConfig } from '../../config/app-config';
import { Remembered } from '../../users/remembered';
import { Revocations } from '../../users/revocations/revocations';
import { erasureInProgress } from '../../users/user.errors';
import { invalidRefreshToken } from '../auth.errors';
import { isOver, type Identity } from '../identity';
import { AccessTokens } from './access-tokens';
import { newRefreshToken, parseRefreshToken } from './refresh-token';
import { SessionsRepository } from './sessions.repository';

const REMEMBERED = 10_000;

/** What a client gets to prove itself with. */
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
  private readonly users: Remembered<Identity>;
  private readonly ttlSeconds: number;

  constructor(
    private readonly sessions: SessionsRepository,
    private readonly tokens: AccessTokens,
    private readonly revocations: Revocations,
    config: AppConfig,
  ) {
    this.users = new Remembered(revocations, REMEMBERED);
    this.ttlSeconds = config.auth.refreshTokenTtlS;
  }

  async begin(userId: string): Promise<TokenPair> {
    const sessionId = randomUUID();
    const refresh = newRefreshToken(sessionId);
    await this.sessions.deleteExpired();
    await this.sessions.insert(sessionId, userId, refresh.hash, this.ttlSeconds);
    return this.pair(userId, sessionId, refresh.text);
  }

  /**
   * Who sent an access token; undefined if it is not valid, or its session has ended.
   * @throws {AppError} `erasure_in_progress`
   */
  async identify(token: string): Promise<Identity | undefined> {
    const claims = await this.tokens.verify(token);
    const identity = claims && (await this.find(claims.sessionId));
    if (claims && !identity && (await this.sessions.isErasing(claims.userId))) throw erasureInProgress();
    return identity?.userId === claims?.userId ? identity : undefined;
  }

  /** Undefined once the session has ended. One that seems to have expired may have been renewed since it was looked at. */
  async find(sessionId: string): Promise<Identity | undefined> {
    const known = await this.users.get(sessionId, () => this.read(sessionId));
    if (!known || !isOver(known)) return known;
    this.users.drop(sessionId);
    return this.users.get(sessionId, () => this.read(sessionId));
  }

  /**
   * Spends a refresh token for a new pair. One that was spent before has been stolen, or its successor has, so the session ends.
   * @throws {AppError} `invalid_refresh_token`
   */
  async refresh(text: string): Promise<Refreshed> {
    const token = parseRefreshToken(text);
    if (!token) throw invalidRefreshToken();
    const next = newRefreshToken(token.sessionId);
    const userId = await this.sessions.rotate(token.sessionId, token.hash, next.hash, this.ttlSeconds);
    if (userId) return { userId, pair: await this.pair(userId, token.sessionId, next.text) };
    const owner = await this.sessions.findOwnerOfSpent(token.sessionId, token.hash);
    if (!owner) throw invalidRefreshToken();
    await this.end(owner, token.sessionId);
    return { reuseOf: owner };
  }

  end(userId: string, sessionId: string): Promise<void> {
    return this.revocations.change(userId, () => this.sessions.delete(userId, sessionId));
  }

  /** In a transaction with what makes it necessary. */
  endOthers<T>(userId: string, keptId: string | undefined, work: () => Promise<T>): Promise<T> {
    return this.revocations.change(userId, async () => {
      const done = await work();
      await this.sessions.deleteOthers(userId, keptId);
      return done;
    });
  }

  private async read(sessionId: string): Promise<{ userId: string; value: Identity } | undefined> {
    const found = await this.sessions.findUser(sessionId);
    if (!found) return undefined;
    const { user_id: userId, role, expires_at } = found;
    return { userId, value: { userId, role, sessionId, expiresAt: expires_at.getTime() } };
  }

  private async pair(userId: string, sessionId: string, refresh: string): Promise<TokenPair> {
    const access = await this.tokens.sign({ userId, sessionId });
    return { access, accessTtlSeconds: this.tokens.ttlSeconds, refresh };
  }
}
