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
    const collect = (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= limitBytes) return;
      request.off('data', collect);
      linger(request);
      reject(bodyTooLarge(limitBytes));
    };
    request.on('data', collect);
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    request.once('error', () => reject(invalidRequest('incomplete_body', 'The body ended too early.')));
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
