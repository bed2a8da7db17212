import type { IncomingMessage } from 'node:http';
import { HTTP_BOUNDS } from '../config/bounds';

const { bodyPieces, bodyBytesOfPiece, discardedBytes, discardedMs } = HTTP_BOUNDS;

/** Emitted by a request whose body comes in more pieces than are taken; no further one is then. */
export const FRAGMENTED = Symbol('fragmented');
const fragmented = new WeakSet<IncomingMessage>();

/** Whether a body is announced (RFC 9112 §6): it may be empty, and none of it may have come yet. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

export function isFragmented(request: IncomingMessage): boolean {
  return fragmented.has(request);
}

/**
 * Counts the pieces of a body where Node's parser hands them over. What waits to be read is bounded by Node in bytes, while each piece costs some
 * 400 bytes whatever its size: one read of the connection may hold 10,000 chunks of one byte. So it is counted before anybody reads.
 */
export function limitPieces(request: IncomingMessage): void {
  const push = request.push.bind(request);
  let bytes = 0;
  let pieces = 0;
  request.push = (piece: Buffer | null, encoding?: BufferEncoding): boolean => {
    if (piece === null) return push(null);
    bytes += piece.length;
    pieces += 1;
    if (pieces <= bodyPieces.limit + bytes / bodyBytesOfPiece.limit) return push(piece, encoding);
    if (!fragmented.has(request)) {
      fragmented.add(request);
      request.emit(FRAGMENTED);
    }
    return false;
  };
}

/**
 * Throws away what still comes of a body that nobody wants, within bounds; then the connection is cut. Closing at once would reset the connection, and
 * a client that is still sending would not get to read its answer (RFC 9112 §9.6).
 */
export function discardRest(request: IncomingMessage): void {
  const { socket } = request;
  const cut = (): void => void socket.destroy();
  if (isFragmented(request)) return;
  let discarded = 0;
  const timer = setTimeout(cut, discardedMs.limit).unref();
  request.on('data', (piece: Buffer) => {
    discarded += piece.length;
    if (discarded > discardedBytes.limit) cut();
  });
  request.once(FRAGMENTED, cut);
  // Node closes by this once the last answer is out. Until the body has come, only our own half is closed.
  socket.destroySoon = () => void socket.end();
  request.once('end', () => {
    clearTimeout(timer);
    Reflect.deleteProperty(socket, 'destroySoon');
    if (socket.writableEnded) socket.destroySoon();
  });
  request.resume();
}
