import type { EventEncoder } from './event-encoder';

/** Length in bytes from which a chunk is kept as bytes: about what one write of the system takes. */
const LONG = 16_384;

/** Text of a response body, framed as one chunk of the chunked transfer coding (RFC 9112 §7.1). */
export interface BodyChunk {
  /** Framed text; bytes if it is long: connections that are full share them, instead of each encoding and keeping its own. */
  framed: string | Buffer;
  /** The text alone. */
  text: string;
  /** Encoding of both; `latin1`, which takes less time, where it gives the same bytes. */
  encoding: 'latin1' | 'utf8';
}

interface EncodedBatch {
  batch: readonly unknown[];
  /** One chunk for each encoder that is in use. */
  chunks: { encoder: unknown; chunk: BodyChunk }[];
}

let last: EncodedBatch | undefined;

/**
 * Chunk of a batch as an `EventEncoder` encodes it, framed for the connection, made once per encoder. Readers at the same cursor share the batch
 * and are served one right after the other, so only the chunks of the last batch are kept.
 */
export function chunkOf<E>(batch: E[], encoder: EventEncoder<E>): BodyChunk {
  if (last?.batch !== batch) last = { batch, chunks: [] };
  for (const known of last.chunks) if (known.encoder === encoder) return known.chunk;
  const chunk = toChunk(encoder.encode(batch));
  last.chunks.push({ encoder, chunk });
  return chunk;
}

export function toChunk(text: string): BodyChunk {
  const length = Buffer.byteLength(text);
  const encoding = length === text.length ? 'latin1' : 'utf8';
  const framed = `${length.toString(16)}\r\n${text}\r\n`;
  return { framed: length < LONG ? framed : Buffer.from(framed, encoding), text, encoding };
}
