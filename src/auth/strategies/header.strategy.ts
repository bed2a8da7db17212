import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { BlockList } from 'node:net';
import { AppConfig, type AuthConfig } from '../../config/app-config';
import { isInBlockList, rangesToBlockList } from '../../config/network';
import { isUserId } from '../../config/variable-types';
import { hasValidSharedSecret } from '../../http/shared-secret';
import { invalidUserId, lockedOut, unauthenticated } from '../auth.errors';
import type { Identity } from '../identity';
import { isOfOwnPage } from './own-page';
import { IdentityStrategy } from './identity-strategy';
import { ExternalUsers } from './external-users';

/** `X-User-ID`, believed because only a gateway that is trusted by its secret, its address or the loopback bind can send it. */
@Injectable()
export class HeaderStrategy extends IdentityStrategy {
  readonly challenge = 'X-User-ID realm="parley"';
  private readonly auth: AuthConfig;
  private readonly trustedPeers: BlockList;

  constructor(
    private readonly config: AppConfig,
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

  /** `DEFAULT_USER_ID`, where nobody but this machine and pages that may do so can have sent the request. */
  override async identifyByDefault(request: IncomingMessage): Promise<Identity | undefined> {
    const { defaultUserId } = this.auth;
    if (defaultUserId === undefined || !isOfOwnPage(request, this.config.http)) return undefined;
    return this.accept(request, defaultUserId);
  }

  private async accept(request: IncomingMessage, userId: string): Promise<Identity> {
    this.assertTrusted(request);
    if (!isUserId(userId)) throw invalidUserId();
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
      throw unauthenticated(
        this.challenge,
        knowsSecret
          ? 'The request does not come from a trusted gateway: its address is none of AUTH_TRUSTED_PROXIES.'
          : 'The request does not come from a trusted gateway, which sends AUTH_PROXY_SECRET in X-Proxy-Secret.',
      );
  }
}
