import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { invalidToken } from '../auth.errors';
import type { Identity } from '../identity';
import { ApiKeysService } from '../keys/api-keys.service';
import { SessionsService } from '../sessions/sessions.service';
import { BEARER, bearerToken } from './bearer';
import { IdentityStrategy } from './identity-strategy';

/** Access tokens and API keys of our own accounts. */
@Injectable()
export class TokenStrategy extends IdentityStrategy {
  readonly challenge = BEARER;

  constructor(
    private readonly sessions: SessionsService,
    private readonly keys: ApiKeysService,
  ) {
    super();
  }

  async identify(request: IncomingMessage): Promise<Identity | undefined> {
    const token = bearerToken(request);
    if (token === undefined) return undefined;
    const identity = token === null ? undefined : await this.identityOf(token);
    if (!identity) throw invalidToken(this.challenge);
    return identity;
  }

  async renew({ sessionId, keyId }: Identity): Promise<Identity | undefined> {
    if (sessionId) return this.sessions.find(sessionId);
    return keyId ? this.keys.find(keyId) : undefined;
  }

  private identityOf(token: string): Promise<Identity | undefined> {
    return this.keys.isKey(token) ? this.keys.identify(token) : this.sessions.identify(token);
  }
}
