import type { IncomingMessage, ServerResponse } from 'node:http';
import { HTTP_BOUNDS } from '../config/bounds';
import { BodyBuffer } from './body-buffer';
import type { BodyShare } from './body-memory';
import { bodyTooLarge, bodyTooSlow, invalidRequest, tooManyPieces } from './http-errors';
import { FRAGMENTED, isFragmented } from './unread-body';

const { bodyMs, bodyBytesPerSecond } = HTTP_BOUNDS;

export interface BodyLimits {
  limitBytes: number;
  /** Where what is collected counts. */
  share: BodyShare;
}

/**
 * Collects a request body. What comes after a refusal is thrown away by who answers (`sendProblem`).
 * @throws {AppError} `body_too_large`: at once if the announced length says so, else at the first byte too many; `too_many_pieces`,
 * `request_timeout`, `incomplete_body`, `too_many_uploads`, `overloaded`
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  limits: BodyLimits,
): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limits.limitBytes)
    throw bodyTooLarge(limits.limitBytes);
  if (isFragmented(request)) throw tooManyPieces();
  if (request.complete) return takeWhole(request, limits.limitBytes);
  if (awaitsContinue(request)) response.writeContinue();
  return collect(request, limits);
}

/** Most bodies have come with their headers, and need neither waiting nor a copy. */
function takeWhole(request: IncomingMessage, limitBytes: number): Buffer {
  const bytes = (request.read() as Buffer | null) ?? Buffer.alloc(0);
  if (bytes.length > limitBytes) throw bodyTooLarge(limitBytes);
  return bytes;
}

/** Clients of HTTP/1.0 cannot mean it (RFC 9110 §10.1.1). */
function awaitsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.expect !== undefined && httpVersion !== '1.0';
}

function collect(request: IncomingMessage, { limitBytes, share }: BodyLimits): Promise<Buffer> {
  const body = new BodyBuffer(limitBytes, share);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const take = (piece: Buffer): void => {
    try {
      body.append(piece);
    } catch (error) {
      reject(error);
    }
  };
  const stopWaiting = limitTime(body, () => reject(bodyTooSlow()));
  const end = (): void => resolve(body.bytes);
  const fail = (): void => reject(invalidRequest('incomplete_body', 'The body ended too early.'));
  const refuse = (): void => reject(tooManyPieces());
  request.on('data', take).on('end', end).on('error', fail).on(FRAGMENTED, refuse);
  return promise.finally(() => {
    stopWaiting();
    body.release();
    // The request lasts as long as the answer, which may be a stream: it does not keep its body.
    request.off('data', take).off('end', end).off('error', fail).off(FRAGMENTED, refuse);
  });
}

/** Calls back when the body takes longer than its time, which grows with what has come: a slow line is no reason, a trickle is. */
function limitTime(body: BodyBuffer, onEnd: () => void): () => void {
  const began = performance.now();
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const left = bodyMs.limit + (body.size / bodyBytesPerSecond.limit) * 1000 - (performance.now() - began);
    if (left <= 0) onEnd();
    else timer = setTimeout(wait, left).unref();
  };
  wait();
  return () => clearTimeout(timer);
}
