import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { BlockList } from 'node:net';
import { AppConfig, type AuthConfig } from '../../config/app-config';
import { isInBlockList, rangesToBlockList } from '../../config/network';
import { hasValidSharedSecret } from '../../http/shared-secret';
import { invalidUserId, lockedOut, unauthenticated } from '../auth.errors';
import type { Identity } from '../identity';
import { IdentityStrategy } from './identity-strategy';
import { ExternalUsers } from './external-users';

/** Printable ASCII but for what separates, encloses or encodes values in headers and paths: `auth0|…`, `a+b@example.com`. */
const USER_ID = /^[!#$&(-+\-.0-~]{1,128}$/;

/** `X-User-ID`, believed because only a gateway that is trusted by its secret, its address or the loopback bind can send it. */
@Injectable()
export class HeaderStrategy extends IdentityStrategy {
  readonly challenge = 'X-User-ID realm="parley"';
  private readonly auth: AuthConfig;
  private readonly trustedPeers: BlockList;

  constructor(
    config: AppConfig,
    private readonly users: ExternalUsers,
  ) {
    super();
    this.auth = config.auth;
    this.trustedPeers = rangesToBlockList(config.auth.trustedProxies);
  }

  async identify(request: IncomingMessage): Promise<Identity | undefined> {
    const values = request.headersDistinct['x-user-id'];
    if (!values) return undefined;
    return this.accept(request, values.length === 1 ? values[0] : '');
  }

  override async identifyByQuery(
    request: IncomingMessage,
    query: Readonly<Record<string, string>>,
  ): Promise<Identity | undefined> {
    if (!this.auth.loopback || query.user_id === undefined) return undefined;
    return this.accept(request, query.user_id);
  }

  private async accept(request: IncomingMessage, userId: string): Promise<Identity> {
    this.assertTrusted(request);
    if (!USER_ID.test(userId)) throw invalidUserId();
    const identity = await this.users.identityOf(userId);
    if (!identity) throw lockedOut(this.challenge);
    return identity;
  }

  renew(identity: Identity): Promise<Identity | undefined> {
    return this.users.renew(identity);
  }

  private assertTrusted(request: IncomingMessage): void {
    const { proxySecret, trustedProxies } = this.auth;
    const knowsSecret = proxySecret === undefined || hasValidSharedSecret(request, proxySecret);
    const isTrustedPeer =
      trustedProxies.length === 0 || isInBlockList(this.trustedPeers, request.socket.remoteAddress);
    if (!knowsSecret || !isTrustedPeer)
      throw unauthenticated(this.challenge, 'The request does not come from a trusted gateway.');
  }
}
