import { Injectable, Logger } from '@nestjs/common';
import { jwtVerify, SignJWT } from 'jose';
import { randomBytes } from 'node:crypto';
import { AppConfig } from '../../config/app-config';
import { isCanonicalUuid } from '../../http/parse-id.pipe';
import { hasSaneTimes } from './token-times';

const ALGORITHM = 'HS256';
const TYPE = 'at+jwt';
const ISSUER = 'parley';

/** Whose an access token is. */
export interface AccessClaims {
  userId: string;
  sessionId: string;
}

/** Signed tokens that say which session a request belongs to. What the session's user may do is looked up, not believed. */
@Injectable()
export class AccessTokens {
  readonly ttlSeconds: number;
  private readonly key: Uint8Array;

  constructor({ auth }: AppConfig) {
    this.ttlSeconds = auth.accessTokenTtlS;
    this.key = auth.jwt.secret ? Buffer.from(auth.jwt.secret) : randomBytes(32);
    if (auth.mode === 'token' && !auth.jwt.secret)
      new Logger(AccessTokens.name).warn('Without JWT_SECRET access tokens end with this process');
  }

  sign({ userId, sessionId }: AccessClaims): Promise<string> {
    return new SignJWT({ sid: sessionId })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
      .setIssuer(ISSUER)
      .setAudience(ISSUER)
      .setSubject(userId)
      .setIssuedAt()
      .setExpirationTime(`${this.ttlSeconds}s`)
      .sign(this.key);
  }

  /** Undefined for anything but an unexpired token of ours. */
  async verify(token: string): Promise<AccessClaims | undefined> {
    const claims = await this.claimsOf(token);
    if (!claims || typeof claims.sub !== 'string' || !isCanonicalUuid(claims.sid)) return undefined;
    return { userId: claims.sub, sessionId: claims.sid };
  }

  private async claimsOf(token: string) {
    try {
      const { payload } = await jwtVerify(token, this.key, {
        algorithms: [ALGORITHM],
        typ: TYPE,
        issuer: ISSUER,
        audience: ISSUER,
        requiredClaims: ['exp', 'iat', 'sub', 'sid'],
        maxTokenAge: this.ttlSeconds,
      });
      return hasSaneTimes(payload) ? payload : undefined;
    } catch {
      return undefined;
    }
  }
}
