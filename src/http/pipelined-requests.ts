import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HTTP_BOUNDS } from '../config/bounds';
import { hasBody, limitPieces } from './unread-body';

const { requestsAhead, requestsAheadMs, refusalsInARow } = HTTP_BOUNDS;

/** Where a connection is with its requests. */
interface Pipeline {
  /** Is answered, or about to be. */
  current?: { request: IncomingMessage; response: ServerResponse };
  /** Begin the requests behind it. */
  waiting: (() => void)[];
  /** Ends the connection when those have been answered; none is taken any more. */
  ending?: () => void;
  /** Answers of 4xx since the last other one. */
  refusals: number;
}

const connections = new WeakMap<Socket, Pipeline>();

/**
 * Begins a request of a connection when the one before it has been answered. HTTP/1.1 lets clients send on without waiting (RFC 9112 §9.3.2),
 * and Node hands over every request of what it has read, a thousand at once: each connection would have as many turns as it takes.
 * While requests wait the connection is not read.
 */
export function answerInOrder(server: Server): void {
  const [listener] = server.listeners('request') as RequestListener[];
  const enter: RequestListener = (request, response) => {
    if (hasBody(request)) limitPieces(request);
    const pipeline = pipelineOf(request.socket);
    const next = (): void => begin(pipeline, request, response, listener);
    if (pipeline.current) wait(pipeline, request.socket, next);
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
export function endInOrder(socket: Socket, end: () => void): void {
  const pipeline = pipelineOf(socket);
  if (!pipeline.current) return end();
  const { request, response } = pipeline.current;
  if (request.complete) finish(pipeline, socket, end);
  else if (response.headersSent) socket.destroy();
  else end();
}

/** Counts a refusal; whether the connection should be closed with it, so that who goes on pays for a new one. */
export function isRefusedTooOften(socket: Socket): boolean {
  const pipeline = pipelineOf(socket);
  pipeline.refusals += 1;
  return pipeline.refusals >= refusalsInARow.limit;
}

function pipelineOf(socket: Socket): Pipeline {
  const known = connections.get(socket);
  if (known) return known;
  const pipeline: Pipeline = { waiting: [], refusals: 0 };
  connections.set(socket, pipeline);
  return pipeline;
}

function begin(
  pipeline: Pipeline,
  request: IncomingMessage,
  response: ServerResponse,
  listener: RequestListener,
): void {
  pipeline.current = { request, response };
  response.once('close', () => leave(pipeline, request.socket, response));
  listener(request, response);
}

function wait(pipeline: Pipeline, socket: Socket, next: () => void): void {
  if (pipeline.ending) return;
  if (pipeline.waiting.length === requestsAhead.limit) {
    // Node keeps what it has parsed of the rest as long as the connection.
    setTimeout(() => socket.destroy(), requestsAheadMs.limit).unref();
    return finish(pipeline, socket, () => socket.destroySoon());
  }
  pipeline.waiting.push(AsyncResource.bind(() => socket.destroyed || next()));
  pause(pipeline, socket);
}

function finish(pipeline: Pipeline, socket: Socket, end: () => void): void {
  if (pipeline.ending) return;
  pipeline.ending = end;
  pause(pipeline, socket);
}

/** Not before the whole of what was read has been parsed: the end of each request would resume it. */
function pause(pipeline: Pipeline, socket: Socket): void {
  process.nextTick(() => {
    if (pipeline.ending || pipeline.waiting.length > 0) socket.pause();
  });
}

function leave(pipeline: Pipeline, socket: Socket, response: ServerResponse): void {
  if (response.statusCode < 400) pipeline.refusals = 0;
  const next = pipeline.waiting.shift();
  // Other connections have their turn before it.
  if (next && socket.writable) setImmediate(next);
  else pipeline.current = undefined;
  if (!next) pipeline.ending?.();
  else if (pipeline.waiting.length === 0 && !pipeline.ending) socket.resume();
}
