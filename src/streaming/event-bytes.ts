import type { LoggedEvent } from '../replies/events/event-codec';
import type { EventEncoder } from './event-encoder';

/** Text of a response body, framed as one chunk of the chunked transfer coding (RFC 9112 §7.1). */
export interface BodyChunk {
  framed: string;
  /** The text alone. */
  text: string;
  /** Encoding of both; `latin1`, which takes less time, where it gives the same bytes. */
  encoding: 'latin1' | 'utf8';
}

let last: { batch: LoggedEvent[]; encoder: EventEncoder; chunk: BodyChunk } | undefined;

/**
 * A batch as server-sent events. Readers at the same cursor share the batch and are served one right after the other, so only the last
 * chunk is worth keeping.
 */
export function chunkOf(batch: LoggedEvent[], encoder: EventEncoder): BodyChunk {
  if (last?.batch !== batch || last.encoder !== encoder)
    last = { batch, encoder, chunk: toChunk(encoder.encode(batch)) };
  return last.chunk;
}

export function toChunk(text: string): BodyChunk {
  const length = Buffer.byteLength(text);
  const encoding = length === text.length ? 'latin1' : 'utf8';
  return { framed: `${length.toString(16)}\r\n${text}\r\n`, text, encoding };
}
