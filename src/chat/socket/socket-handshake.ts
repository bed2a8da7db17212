import { Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Authenticator } from '../../auth/authenticator';
import type { Identity } from '../../auth/identity';
import { AppConfig } from '../../config/app-config';
import { checkHost } from '../../http/allowed-hosts';
import { checkHeaderCount, parseRequestTarget } from '../../http/request-target';
import { SocketRegistry } from './socket-registry';
import { SocketRules } from './socket-rules';
import { originNotAllowed } from './socket.errors';

/** Who may open a socket. All of it is decided before there is one. */
@Injectable()
export class SocketHandshake {
  constructor(
    private readonly config: AppConfig,
    private readonly authenticator: Authenticator,
    private readonly sockets: SocketRegistry,
    private readonly rules: SocketRules,
  ) {}

  /**
   * Who opens the socket.
   * @throws AppError `host_not_allowed`, `rate_limited`, `draining`, `origin_not_allowed`, `insufficient_scope`, `too_many_sockets`, `too_many_streams`, and those of
   *   `Authenticator.identifyStream`
   */
  async admit(request: IncomingMessage, response: ServerResponse): Promise<Identity> {
    const { allowedHosts, corsOrigins } = this.config.http;
    checkHost(request, allowedHosts);
    await this.rules.checkHandshake(request, response);
    checkHeaderCount(request);
    const { query } = parseRequestTarget(request.url ?? '');
    if (!isAllowed(request, corsOrigins)) throw originNotAllowed();
    const identity = await this.authenticator.identifyStream(request, query);
    this.sockets.assertRoom(identity.userId);
    this.rules.checkIdentity(identity, request.socket);
    return identity;
  }
}

/**
 * Browsers send `Origin` with every handshake and ask nobody whether they may connect, so this is the only place where a foreign
 * page can be kept out. Other programs send none.
 */
function isAllowed({ headers }: IncomingMessage, origins: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
