import type { LoggedEvent } from '../reply/reply-event';

const bytes = new WeakMap<LoggedEvent[], Buffer>();

/** A batch as the contract writes it. Readers at the same place share the batch, and so its bytes. */
export function bytesOf(batch: LoggedEvent[]): Buffer {
  const known = bytes.get(batch);
  if (known) return known;
  let text = '';
  for (const { messageId, sequence, json } of batch)
    text += `id: ${messageId}:${sequence}\ndata: ${json}\n\n`;
  const made = Buffer.from(text);
  bytes.set(batch, made);
  return made;
}
