import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { AppConfig } from '../../config/app-config';
import { OPEN_ANSWER_BOUNDS } from '../../config/bounds';
import { isAnswering } from '../../http/pipelined-requests';
import { routeNotFound } from '../../http/http-errors';
import { logFailure } from '../../http/log-failure';
import { requestIdOf } from '../../http/request-id';
import { sendProblem } from '../../http/send-problem';
import { toAppError } from '../../http/to-app-error';
import { handshakeMiddleware, isHandshake, logWhenClosed, responseOn } from './handshake-request';
import { SocketRegistry } from './socket-registry';
import { SocketCommands } from './socket-commands';
import { SocketHandshake } from './socket-handshake';
import type { AdmittedUser } from './socket-rules';
import { SocketSession } from './socket-session';
import { invalidHandshake } from './socket.errors';

/** Options of `ws` that its types do not know yet: fragments of one frame, and ms to wait for a client's part of a close. */
const LIMITS = { maxFragments: OPEN_ANSWER_BOUNDS.fragments.limit, closeTimeout: 2_000 };

/** Accepts WebSockets at the HTTP server's port. Why this is not one of Nest's gateways: docs/decisions/009. */
@Injectable()
export class SocketServer implements OnApplicationBootstrap {
  private readonly logger = new Logger('Socket');
  private readonly server: WebSocketServer;

  constructor(
    private readonly config: AppConfig,
    private readonly adapterHost: HttpAdapterHost,
    private readonly handshake: SocketHandshake,
    private readonly sockets: SocketRegistry,
    private readonly commands: SocketCommands,
  ) {
    this.server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: config.http.bodyLimitBytes,
      ...LIMITS,
    });
  }

  onApplicationBootstrap(): void {
    const http = this.adapterHost.httpAdapter.getHttpServer() as Server;
    // Requests that offer another protocol, such as h2c in every request of Java's client, are served as plain HTTP/1.1.
    // So are handshakes sent before the previous response has ended: a socket cannot start in the middle of a response.
    const shouldUpgrade = (request: IncomingMessage) => isHandshake(request) && !isAnswering(request.socket);
    Object.assign(http, { shouldUpgradeCallback: shouldUpgrade });
    const prepare = handshakeMiddleware(this.config.http);
    http.on('upgrade', (request, socket, head) => {
      if (isAnswering(request.socket)) {
        // Older versions of Node do not call `shouldUpgradeCallback`.
        socket.destroy();
        return;
      }
      const response = responseOn(request, socket as Socket);
      prepare(request, response, () => void this.answer(request, response, head));
    });
    this.server.on('headers', (headers, request) => headers.push(`X-Request-Id: ${requestIdOf(request)}`));
    // The event is emitted within `handleUpgrade`, which therefore throws the error.
    this.server.on('wsClientError', () => {
      throw invalidHandshake();
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse, head: Buffer): Promise<void> {
    try {
      if (!isHandshake(request)) throw routeNotFound();
      const user = await this.handshake.admit(request, response);
      this.server.handleUpgrade(request, request.socket, head, (socket) => {
        response.detachSocket(request.socket);
        this.accept(socket, request, user);
      });
    } catch (error) {
      const refusal = toAppError(error);
      logFailure(this.logger, refusal);
      sendProblem(request, response, refusal);
    }
  }

  private accept(socket: WebSocket, request: IncomingMessage, user: AdmittedUser): void {
    logWhenClosed(socket, request, this.logger);
    const accepted = { ...user, socket, connection: request.socket };
    this.sockets.add(socket, new SocketSession(accepted, this.commands, this.config.http.bodyLimitBytes));
  }
}
