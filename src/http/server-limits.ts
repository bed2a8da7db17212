import type { ErrorCode } from '../errors/error-codes';
import { STATUS_CODES, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { HTTP_BOUNDS } from '../config/bounds';
import { answerInOrder, endInOrder } from './pipelined-requests';
import { MAX_HEADERS } from './request-target';
import { newRequestId } from './request-id';
import { PROBLEM_JSON } from './send-problem';

/** Above the idle time of common load balancers (60 s), so that it is never us who close a connection they are about to use. */
const KEEP_ALIVE_MS = 75_000;
const CHECK_INTERVAL_MS = 500;

export function limitServer(server: Server): void {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = KEEP_ALIVE_MS + 5000;
  const sockets = connectionsOf(server);
  closeStalled(server);
  closeFullest(server, sockets);
  server.requestTimeout = HTTP_BOUNDS.requestMs.limit;
  // One more than we accept: what is beyond this number older versions of Node drop without a word, newer ones refuse.
  server.maxHeadersCount = MAX_HEADERS + 1;
  // Node would answer to that without a problem body; `checkHost` does with one.
  Object.assign(server, { requireHostHeader: false });
  answerInOrder(server);
  server.on('clientError', answerUnparsable);
  closeUnusedAtTheEnd(server, sockets);
}

/**
 * Closes connections whose client takes nothing of what waits for it. Node's timer starts again with every byte that the client has
 * taken, and fires as well where an answer is merely not there yet.
 */
function closeStalled(server: Server): void {
  const stalledMs: number = HTTP_BOUNDS.stalledReader.limit;
  server.setTimeout(stalledMs, (socket: Socket) => {
    // Between requests Node sets the time that a connection may be idle.
    const isIdle = socket.timeout !== stalledMs;
    if (isIdle || socket.writableLength > 0) socket.destroy();
  });
}

/** All connections, by whichever socket they were accepted (`acceptors.ts`); `maxConnections` would count those of one. */
function connectionsOf(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const { limit } = HTTP_BOUNDS.connections;
  server.on('connection', (socket: Socket) => {
    if (sockets.size >= limit) socket.destroy();
    else sockets.add(socket.once('close', () => sockets.delete(socket)));
  });
  return sockets;
}

/** Each answer that waits may be small and its client not slow: what many of them hold together is bounded as well. */
function closeFullest(server: Server, sockets: ReadonlySet<Socket>): void {
  const { limit } = HTTP_BOUNDS.untakenAnswers;
  const closeLargest = (): void => {
    let held = 0;
    for (const { writableLength } of sockets) held += writableLength;
    if (held <= limit) return;
    for (const socket of [...sockets].sort((a, b) => b.writableLength - a.writableLength)) {
      held -= socket.writableLength;
      socket.destroy();
      if (held <= limit) return;
    }
  };
  server.once('listening', () => {
    const timer = setInterval(closeLargest, CHECK_INTERVAL_MS).unref();
    server.once('close', () => clearInterval(timer));
  });
}

/** Browsers open connections ahead. One that was never used is not idle to Node: the server would wait for it instead of closing. */
function closeUnusedAtTheEnd(server: Server, sockets: ReadonlySet<Socket>): void {
  const close = server.close.bind(server);
  server.close = (done) => {
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    return close(done);
  };
}

/** A request that Node's parser refuses never reaches a route; it gets the usual shape all the same. */
function answerUnparsable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  endInOrder(socket, () => refuse(socket, error.code));
}

function refuse(socket: Socket, reason: string | undefined): void {
  const { status, code } = classify(reason);
  const request_id = newRequestId();
  const title = STATUS_CODES[status];
  const body = JSON.stringify({
    type: 'about:blank',
    title,
    status,
    code,
    detail: 'The request cannot be read.',
    instance: '',
    request_id,
  });
  const headers = [
    `Content-Type: ${PROBLEM_JSON}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${request_id}`,
    'X-Content-Type-Options: nosniff',
    "Content-Security-Policy: default-src 'none'",
    'Cache-Control: no-store',
    'Connection: close',
  ];
  socket.end(`HTTP/1.1 ${status} ${title}\r\n${headers.join('\r\n')}\r\n\r\n${body}`);
}

function classify(code: string | undefined): { status: number; code: ErrorCode } {
  if (code === 'HPE_HEADER_OVERFLOW') return { status: 431, code: 'headers_too_large' };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { status: 408, code: 'request_timeout' };
  return { status: 400, code: 'malformed_request' };
}
