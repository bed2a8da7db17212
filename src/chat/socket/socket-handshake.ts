import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { Authenticator } from '../../auth/authenticator';
import { AppConfig } from '../../config/app-config';
import { Draining } from '../../http/draining';
import { checkHeaderCount, parseRequestTarget } from '../../http/request-target';
import { OpenSockets } from './open-sockets';
import { originNotAllowed } from './socket.errors';

/** Who may open a socket. All of it is decided before there is one. */
@Injectable()
export class SocketHandshake {
  constructor(
    private readonly config: AppConfig,
    private readonly draining: Draining,
    private readonly authenticator: Authenticator,
    private readonly sockets: OpenSockets,
  ) {}

  /**
   * The user of the socket.
   * @throws AppError `draining`, `origin_not_allowed`, `too_many_sockets`, and those of `Authenticator.authenticateStream`
   */
  async admit(request: IncomingMessage): Promise<string> {
    checkHeaderCount(request);
    const { query } = parseRequestTarget(request.url ?? '');
    this.draining.assertOpen();
    if (!isAllowed(request, this.config.http.corsOrigins)) throw originNotAllowed();
    const userId = await this.authenticator.authenticateStream(request, query);
    this.sockets.assertRoom(userId);
    // It may have begun meanwhile, and then nobody would close this socket any more.
    this.draining.assertOpen();
    return userId;
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
