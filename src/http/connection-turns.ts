import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HTTP_BOUNDS } from '../config/bounds';
import { hasBody, limitPieces } from './unread-body';

const { requestsAhead, requestsAheadMs, refusalsInARow } = HTTP_BOUNDS;

/** Where a connection is with its requests. */
interface Turns {
  /** Is answered, or about to be. */
  current?: { request: IncomingMessage; response: ServerResponse };
  /** Begin the requests behind it. */
  waiting: (() => void)[];
  /** Ends the connection when those have been answered; none is taken any more. */
  ending?: () => void;
  /** Answers of 4xx since the last other one. */
  refusals: number;
}

const connections = new WeakMap<Socket, Turns>();

/**
 * Begins a request of a connection when the one before it has been answered. HTTP/1.1 lets clients send on without waiting (RFC 9112 §9.3.2),
 * and Node hands over every request of what it has read, a thousand at once: each connection would have as many turns as it takes.
 * While requests wait the connection is not read.
 */
export function answerInTurn(server: Server): void {
  const [listener] = server.listeners('request') as RequestListener[];
  const enter: RequestListener = (request, response) => {
    if (hasBody(request)) limitPieces(request);
    const turns = turnsOf(request.socket);
    const next = (): void => begin(turns, request, response, listener);
    if (turns.current) wait(turns, request.socket, next);
    else next();
  };
  server.removeAllListeners('request');
  // Without listeners of their own Node would answer or emit the last two itself.
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, enter);
}

/** Whether a request of the connection is being answered. */
export function isAnswering(socket: Socket): boolean {
  return connections.get(socket)?.current !== undefined;
}

/**
 * Ends a connection from which nothing more can be read: `end` answers what cannot be read, after those before it. Behind an answer that has begun
 * it would be taken for a part of that.
 */
export function endInTurn(socket: Socket, end: () => void): void {
  const turns = turnsOf(socket);
  if (!turns.current) return end();
  const { request, response } = turns.current;
  if (request.complete) finish(turns, socket, end);
  else if (response.headersSent) socket.destroy();
  else end();
}

/** Counts a refusal; whether the connection should be closed with it, so that who goes on pays for a new one. */
export function isRefusedTooOften(socket: Socket): boolean {
  const turns = turnsOf(socket);
  turns.refusals += 1;
  return turns.refusals >= refusalsInARow.limit;
}

function turnsOf(socket: Socket): Turns {
  const known = connections.get(socket);
  if (known) return known;
  const turns: Turns = { waiting: [], refusals: 0 };
  connections.set(socket, turns);
  return turns;
}

function begin(
  turns: Turns,
  request: IncomingMessage,
  response: ServerResponse,
  listener: RequestListener,
): void {
  turns.current = { request, response };
  response.once('close', () => leave(turns, request.socket, response));
  listener(request, response);
}

function wait(turns: Turns, socket: Socket, next: () => void): void {
  if (turns.ending) return;
  if (turns.waiting.length === requestsAhead.limit) {
    // Node keeps what it has parsed of the rest as long as the connection.
    setTimeout(() => socket.destroy(), requestsAheadMs.limit).unref();
    return finish(turns, socket, () => socket.destroySoon());
  }
  turns.waiting.push(AsyncResource.bind(() => socket.destroyed || next()));
  pause(turns, socket);
}

function finish(turns: Turns, socket: Socket, end: () => void): void {
  if (turns.ending) return;
  turns.ending = end;
  pause(turns, socket);
}

/** Not before the whole of what was read has been parsed: the end of each request would resume it. */
function pause(turns: Turns, socket: Socket): void {
  process.nextTick(() => {
    if (turns.ending || turns.waiting.length > 0) socket.pause();
  });
}

function leave(turns: Turns, socket: Socket, response: ServerResponse): void {
  if (response.statusCode < 400) turns.refusals = 0;
  const next = turns.waiting.shift();
  // Other connections have their turn before it.
  if (next && socket.writable) setImmediate(next);
  else turns.current = undefined;
  if (!next) turns.ending?.();
  else if (turns.waiting.length === 0 && !turns.ending) socket.resume();
}
