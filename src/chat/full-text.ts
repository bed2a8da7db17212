import type { Request } from 'express';
import { validationFailed } from '../http/validation.pipe';
import { logged, type LoggedEvent } from '../replies/events/event-codec';
import type { LogReader } from '../replies/log/reply-log';

/** Bytes of a line, its end included, at which some readers of lines fail: Go's `bufio.Scanner` with its default buffer. */
const LONGEST_LINE = 64 * 1024;
const AROUND = 'data: \n'.length;

export const invalidFullText = () =>
  validationFailed([{ path: 'full_text', message: 'must be true or false' }]);

/**
 * Whether the client takes an `end` event of any length: `?full_text=false` says that it does not.
 * @throws AppError `validation_failed` for anything but `true` and `false`
 */
export function fullTextOf({ query }: Pick<Request, 'query'>): boolean {
  const { full_text: wanted = 'true' } = query;
  if (wanted !== 'true' && wanted !== 'false') throw invalidFullText();
  return wanted === 'true';
}

/**
 * The log for a client that may want no long `end` event. Its batches are the same objects except for the last one of a long reply, so that
 * all readers still share their encoding.
 */
export function withFullText(wanted: boolean, log: LogReader): LogReader {
  return wanted ? log : (listener, signal) => log((batch) => listener(withShortEnd(batch)), signal);
}

function withShortEnd(batch: LoggedEvent[]): LoggedEvent[] {
  const last = batch[batch.length - 1];
  const { event } = last;
  if (event.type !== 'end' || !isLong(last.json)) return batch;
  const data = { ...event.data, full_text: null, full_text_omitted: true };
  return [...batch.slice(0, -1), logged(last.messageId, last.sequence, { type: 'end', data })];
}

function isLong(json: string): boolean {
  // A UTF-16 unit is at least a byte, so the bytes of a text with that many units need not be counted.
  return json.length + AROUND >= LONGEST_LINE || Buffer.byteLength(json) + AROUND >= LONGEST_LINE;
}
