import { Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Authenticator } from '../../auth/authenticator';
import { AppConfig } from '../../config/app-config';
import { checkHost } from '../../http/allowed-hosts';
import { checkHeaderCount, parseRequestTarget } from '../../http/request-target';
import { SocketRegistry } from './socket-registry';
import { type AdmittedUser, SocketRules } from './socket-rules';
import { originNotAllowed } from './socket.errors';

/** Checks whether a request may open a socket, before there is one. Called by `SocketServer`. */
@Injectable()
export class SocketHandshake {
  constructor(
    private readonly config: AppConfig,
    private readonly authenticator: Authenticator,
    private readonly sockets: SocketRegistry,
    private readonly rules: SocketRules,
  ) {}

  /**
   * Checks a handshake and returns the identity of its user.
   * @throws AppError `host_not_allowed`, `rate_limited`, `draining`, `origin_not_allowed`, `insufficient_scope`, `too_many_sockets`,
   *   `too_many_streams`, and those of `Authenticator.identifyStream`
   */
  async admit(request: IncomingMessage, response: ServerResponse): Promise<AdmittedUser> {
    const { allowedHosts, corsOrigins } = this.config.http;
    checkHost(request, allowedHosts);
    await this.rules.checkHandshake(request, response);
    checkHeaderCount(request);
    const { query } = parseRequestTarget(request.url ?? '');
    if (!isAllowed(request, corsOrigins)) throw originNotAllowed();
    const identity = await this.authenticator.identifyStream(request, query);
    this.sockets.assertRoom(identity.userId);
    return { identity, answers: this.rules.checkIdentity(identity, request.socket) };
  }
}

/**
 * Checks the `Origin`. Browsers send it with every handshake and connect without asking first, so this is the only place where a
 * foreign page can be refused. Other programs send none.
 */
function isAllowed({ headers }: IncomingMessage, origins: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
