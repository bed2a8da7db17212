import type { LoggedEvent } from '../replies/events/event-codec';

/** Text of a response body, framed as one chunk of the chunked transfer coding (RFC 9112 §7.1). */
export interface BodyChunk {
  framed: string;
  /** The text alone. */
  text: string;
  /** Encoding of both; `latin1`, which takes less time, where it gives the same bytes. */
  encoding: 'latin1' | 'utf8';
}

let last: { batch: LoggedEvent[]; chunk: BodyChunk } | undefined;

/**
 * A batch as server-sent events. Readers at the same cursor share the batch and are served one right after the other, so only the last
 * chunk is worth keeping.
 */
export function chunkOf(batch: LoggedEvent[]): BodyChunk {
  if (last?.batch !== batch) last = { batch, chunk: toChunk(textOf(batch)) };
  return last.chunk;
}

export function toChunk(text: string): BodyChunk {
  const length = Buffer.byteLength(text);
  const encoding = length === text.length ? 'latin1' : 'utf8';
  return { framed: `${length.toString(16)}\r\n${text}\r\n`, text, encoding };
}

function textOf(batch: LoggedEvent[]): string {
  let text = '';
  for (const { messageId, sequence, json } of batch)
    text += `id: ${messageId}:${sequence}\ndata: ${json}\n\n`;
  return text;
}
