import type { Logger } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { AsyncResource } from 'node:async_hooks';
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { HttpConfig } from '../../config/app-config';
import { API_PREFIX } from '../../http/api-prefix';
import { locateClient } from '../../http/client-address';
import { assignRequestId } from '../../http/request-id';
import { apiSecurityHeaders } from '../../http/security-headers';
import { pathOf } from '../../http/send-problem';
import { logRequests } from '../../logging/request-log';

const SOCKET_PATH = `/${API_PREFIX}/ws`;

export function isHandshake(request: IncomingMessage): boolean {
  const { method, headers } = request;
  return (
    method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && pathOf(request) === SOCKET_PATH
  );
}

/** HTTP response to a handshake that is refused; the connection ends with it. */
export function responseOn(request: IncomingMessage, socket: Socket): ServerResponse {
  // The socket has no other listener yet: without one, a connection that breaks would end the process.
  socket.on('error', () => socket.destroy());
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.once('finish', () => socket.destroySoon());
  response.assignSocket(socket);
  return response;
}

/** Middleware that `configureApp` applies to every other request: client address, request id, log line and headers. */
export function handshakeMiddleware(http: HttpConfig) {
  const locate = locateClient(http);
  const log = logRequests(new PinoLogger({}));
  const secure = apiSecurityHeaders();
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void =>
    locate(request, response, () =>
      assignRequestId(request, response, () => log(request, response, () => secure(request, response, next))),
    );
}

/** Logs an accepted handshake when its socket has closed, as the request of any stream is logged at its end. */
export function logWhenClosed(socket: WebSocket, request: IncomingMessage, logger: Logger): void {
  const started = performance.now();
  const closed = (close_code: number) => {
    const ms = Math.round(performance.now() - started);
    logger.log({ method: request.method, route: SOCKET_PATH, status: 101, ms, close_code, msg: 'request' });
  };
  socket.once('close', AsyncResource.bind(closed));
}
