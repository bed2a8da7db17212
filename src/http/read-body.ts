import type { IncomingMessage } from 'node:http';
import { bodyTooLarge, invalidRequest } from './http-errors';

/** How much more of a refused body is taken in, so that an honest client gets to read the answer. */
const LINGER_BYTES = 16 * 1024 ** 2;
const LINGER_MS = 5000;

/**
 * Collects a request body.
 * @throws {AppError} `body_too_large`: at once if the announced length says so, else at the first byte too many
 */
export function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) {
    linger(request);
    return Promise.reject(bodyTooLarge(limitBytes));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    // The request lasts as long as the answer, which may be a stream: it does not keep its body.
    const settle = (): void => void request.off('data', collect).off('end', end).off('error', fail);
    const collect = (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= limitBytes) return;
      settle();
      linger(request);
      reject(bodyTooLarge(limitBytes));
    };
    const end = () => {
      settle();
      resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    };
    const fail = () => {
      settle();
      reject(invalidRequest('incomplete_body', 'The body ended too early.'));
    };
    request.on('data', collect).on('end', end).on('error', fail);
  });
}

/** Throws away what still comes, within bounds; then the connection is cut. */
function linger(request: IncomingMessage): void {
  let discarded = 0;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
  request.on('data', (chunk: Buffer) => {
    discarded += chunk.length;
    if (discarded > LINGER_BYTES) request.socket.destroy();
  });
  request.once('close', () => clearTimeout(timer));
  request.resume();
}
