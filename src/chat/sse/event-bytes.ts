import type { LoggedEvent } from '../reply/reply-event';

/** Text of a response's body, framed as one chunk of a chunked one (RFC 9112 §7.1). */
export interface BodyChunk {
  framed: Buffer;
  /** Where the text itself begins; two bytes of line end follow it. */
  from: number;
}

const chunks = new WeakMap<LoggedEvent[], BodyChunk>();

/** A batch as the contract writes it. Readers at the same place share the batch, and so its bytes. */
export function chunkOf(batch: LoggedEvent[]): BodyChunk {
  const known = chunks.get(batch);
  if (known) return known;
  const made = toChunk(batch.map(eventText).join(''));
  chunks.set(batch, made);
  return made;
}

export function toChunk(text: string): BodyChunk {
  const size = `${Buffer.byteLength(text).toString(16)}\r\n`;
  return { framed: Buffer.from(`${size}${text}\r\n`), from: size.length };
}

export function textBytes({ framed, from }: BodyChunk): Buffer {
  return framed.subarray(from, -2);
}

function eventText({ messageId, sequence, json }: LoggedEvent): string {
  return `id: ${messageId}:${sequence}\ndata: ${json}\n\n`;
}
