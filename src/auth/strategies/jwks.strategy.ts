import { Injectable, Logger } from '@nestjs/common';
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify, type JWTVerifyOptions } from 'jose';
import type { IncomingMessage } from 'node:http';
import { AppConfig, type JwtConfig } from '../../config/app-config';
import { AppError } from '../../errors/app-error';
import { invalidToken, lockedOut } from '../auth.errors';
import type { Identity } from '../identity';
import { hasSaneTimes, TOLERANCE_S } from '../sessions/token-times';
import { BEARER, bearerToken } from './bearer';
import { IdentityStrategy } from './identity-strategy';
import { ExternalUsers } from './external-users';

const ASYMMETRIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
/** A key id that nobody knows makes us ask the issuer, but not more often than this. */
const ASK_AGAIN_MS = 10_000;
const KEYS_KEPT_MS = 600_000;
const ISSUER_TIMEOUT_MS = 5_000;
/** Issuers put signs into their subjects that our own ids do not have: `auth0|42`. */
const SUBJECT = /^[\x21-\x7e]{1,128}$/;

type Verify = (token: string) => Promise<{ payload: JWTPayload }>;

/** Tokens of somebody else's identity service (Supabase Auth, Auth0, Keycloak …); `sub` is the user. */
@Injectable()
export class JwksStrategy extends IdentityStrategy {
  readonly challenge = BEARER;
  private readonly logger = new Logger(JwksStrategy.name);
  private readonly verify: Verify;

  constructor(
    { auth }: AppConfig,
    private readonly users: ExternalUsers,
  ) {
    super();
    this.verify = verifier(auth.jwt);
  }

  async identify(request: IncomingMessage): Promise<Identity | undefined> {
    const token = bearerToken(request);
    if (token === undefined) return undefined;
    const { sub, iat, exp } = await this.claimsOf(token);
    if (typeof sub !== 'string' || !SUBJECT.test(sub)) throw invalidToken(this.challenge);
    // A token that does not say when it was made may be from before its user was erased.
    const identity = await this.users.identityOf(sub, new Date((iat ?? 0) * 1000));
    if (!identity) throw lockedOut(this.challenge);
    return { ...identity, expiresAt: Number(exp) * 1000 };
  }

  renew(identity: Identity): Promise<Identity | undefined> {
    return this.users.renew(identity);
  }

  private async claimsOf(token: string | null): Promise<JWTPayload> {
    if (token === null) throw invalidToken(this.challenge);
    try {
      return (await this.verify(token)).payload;
    } catch (error) {
      if (isOfToken(error)) throw invalidToken(this.challenge);
      this.logger.warn({ err: error }, 'The keys of the token issuer cannot be had');
      throw issuerUnavailable(error);
    }
  }
}

function verifier({ secret, jwksUrl, issuer, audience }: JwtConfig): Verify {
  const options: JWTVerifyOptions = {
    issuer,
    audience,
    clockTolerance: TOLERANCE_S,
    requiredClaims: ['sub', 'exp'],
  };
  if (secret) {
    const key = Buffer.from(secret);
    return async (token) => checked(await jwtVerify(token, key, { ...options, algorithms: ['HS256'] }));
  }
  const keys = createRemoteJWKSet(new URL(jwksUrl ?? ''), {
    cooldownDuration: ASK_AGAIN_MS,
    cacheMaxAge: KEYS_KEPT_MS,
    timeoutDuration: ISSUER_TIMEOUT_MS,
  });
  return async (token) => checked(await jwtVerify(token, keys, { ...options, algorithms: ASYMMETRIC }));
}

function checked<T extends { payload: JWTPayload }>(result: T): T {
  if (!hasSaneTimes(result.payload)) throw new errors.JWTInvalid('the times of the token make no sense');
  return result;
}

/** Whether the token is at fault, and not the way to the issuer's keys. */
function isOfToken(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return false;
  return (
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid) &&
    error.code !== 'ERR_JOSE_GENERIC'
  );
}

function issuerUnavailable(cause: unknown): AppError {
  return new AppError('unavailable', 'issuer_unavailable', 'The token cannot be checked at the moment.', {
    cause,
    retryAfterS: 5,
  });
}
