import { isCanonicalUuid } from '../../http/parse-id.pipe';
import { invalidResumeId } from '../reply.errors';

/** The last event that a reader has of a reply. */
export interface LastEvent {
  messageId: string;
  sequence: number;
}

/** @throws AppError `invalid_last_event_id` for anything but `<message_id>:<sequence>` */
export function parseLastEventId(id: string): LastEvent {
  const [messageId, sequence, ...rest] = id.split(':');
  if (rest.length || !isCanonicalUuid(messageId)) throw invalidResumeId();
  return { messageId: messageId.toLowerCase(), sequence: parseSequence(sequence) };
}

/** The place in one reply's log: a whole event id, or its sequence alone. */
export function parsePlace(id: string | undefined, messageId: string): number {
  if (id === undefined || id === '') return 0;
  if (!id.includes(':')) return parseSequence(id);
  const last = parseLastEventId(id);
  if (last.messageId !== messageId) throw invalidResumeId();
  return last.sequence;
}

function parseSequence(text: string | undefined): number {
  const sequence = /^\d{1,15}$/.test(text ?? '') ? Number(text) : -1;
  if (sequence < 0) throw invalidResumeId();
  return sequence;
}
