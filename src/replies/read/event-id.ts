import { timeOfId } from '../../common/ids';
import { isCanonicalUuid } from '../../http/parse-id.pipe';
import { invalidResumeId } from '../reply.errors';

/** The last event that a reader has received of a reply. */
export interface LastEvent {
  messageId: string;
  sequence: number;
}

/** Tolerance for ids from the future: an id has the time of a process whose clock may have been set since. */
const CLOCKS_APART_MS = 60_000;

/** @throws AppError `invalid_last_event_id` for anything but `<message_id>:<sequence>` */
export function parseLastEventId(id: string): LastEvent {
  const [messageId, sequence, ...rest] = id.split(':');
  if (rest.length || !isCanonicalUuid(messageId)) throw invalidResumeId();
  return { messageId: messageId.toLowerCase(), sequence: parseSequence(sequence) };
}

/** Whether an id may be that of a removed message: it has the format of our ids and a time before now. */
export function mayHaveBeen(messageId: string): boolean {
  const madeAt = timeOfId(messageId);
  return madeAt !== undefined && madeAt <= Date.now() + CLOCKS_APART_MS;
}

/** Sequence after which a reader of one reply resumes, from a whole event id or its sequence alone; 0 if absent. */
export function parseResumeSequence(id: string | undefined, messageId: string): number {
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
