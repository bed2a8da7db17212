import { Injectable } from '@nestjs/common';
import { AppConfig } from '../../config/app-config';
import { IDENTITY_BOUNDS } from '../../config/bounds';
import { RequestLimits } from '../../limits/request-limits';
import { UserLock } from '../../users/quotas/user-lock';
import { invalidRefreshToken } from '../auth.errors';
import { firstToken, newKey, parseRefreshToken, generationOf, successorOf } from './refresh-token';
import { SessionsRepository } from './sessions.repository';

const LEEWAY_S = IDENTITY_BOUNDS.refreshLeeway.limit / 1000;

/** Whose session a refresh token is of, and the token that follows it; none if it had been spent before. */
export interface Rotation {
  userId: string;
  sessionId: string;
  next: string | undefined;
}

/**
 * The refresh tokens of sessions. Each is spent by its use. For a few seconds whoever comes with a token that has just been spent is
 * given the one that followed it: a second tab, or a client that the answer never reached (docs/decisions/028-refresh-tokens.md).
 */
@Injectable()
export class TokenFamilies {
  private readonly ttlSeconds: number;

  constructor(
    private readonly sessions: SessionsRepository,
    private readonly lock: UserLock,
    private readonly limits: RequestLimits,
    config: AppConfig,
  ) {
    this.ttlSeconds = config.auth.refreshTokenTtlS;
  }

  /** A new session; its first token. @throws {AppError} as `UserLock.hold` */
  async begin(sessionId: string, userId: string): Promise<string> {
    const key = newKey();
    const { text, hash } = firstToken(sessionId, key);
    // Nothing but the lock keeps a session from being left behind by an erasure.
    return this.lock.hold(userId, async () => {
      await this.sessions.insert(sessionId, userId, { refresh_hash: hash, token_key: key }, this.ttlSeconds);
      return text;
    });
  }

  /** The session that a token is or was of, which is not spent; undefined for what never was one. */
  async sessionOf(text: string): Promise<string | undefined> {
    const token = parseRefreshToken(text);
    const family = token && (await this.sessions.findFamily(token.sessionId, LEEWAY_S));
    return family && generationOf(family, token) !== 'foreign' ? token.sessionId : undefined;
  }

  /**
   * Spends a token. One that was never any of the session's changes nothing, whatever it names.
   * @throws {AppError} `invalid_refresh_token`, `rate_limited`, as `UserLock.hold`
   */
  async rotate(text: string): Promise<Rotation> {
    const token = parseRefreshToken(text);
    const seen = token && (await this.sessions.findFamily(token.sessionId, LEEWAY_S));
    if (!seen || generationOf(seen, token) === 'foreign') throw invalidRefreshToken();
    const { sessionId } = token;
    // Not per network: what strangers do there must not keep anybody from going on.
    await this.limits.checkIdentity(seen.user_id, undefined);
    return this.lock.hold(seen.user_id, async ({ is_active }) => {
      const family = await this.sessions.lockFamily(sessionId, LEEWAY_S);
      if (!family || !is_active) throw invalidRefreshToken();
      const generation = generationOf(family, token);
      const userId = family.user_id;
      const { token_key: key, salt } = family;
      if (generation === 'previous' && family.in_leeway && key && salt)
        return { userId, sessionId, next: successorOf(token, salt, key).text };
      if (generation !== 'current') return { userId, sessionId, next: undefined };
      const renewed = { token_key: key ?? newKey(), salt: newKey() };
      const next = successorOf(token, renewed.salt, renewed.token_key);
      await this.sessions.rotate(sessionId, { refresh_hash: next.hash, ...renewed }, this.ttlSeconds);
      return { userId, sessionId, next: next.text };
    });
  }
}
