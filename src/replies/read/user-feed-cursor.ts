import { OPEN_ANSWER_BOUNDS } from '../../config/bounds';
import type { ReplyRef } from '../../messages/message.types';
import { invalidResumeId } from '../reply.errors';

/** Progress in a reply: the sequence of the last event that was read. */
interface ReplyPosition {
  reply: ReplyRef;
  /** Id of the reply in event ids: base64url of the UUID, 22 characters. */
  code: string;
  sequence: number;
}

/** Event id: `<number>` in base 36; in a feed with replies then `.<reply>:<sequence>` for each that is open, or `.` if none is. */
const FEED_ID = /^[0-9a-z]{1,10}(\.|(\.[\w-]{22}:[0-9a-z]{1,10})+)?$/;

/** Content of an event id. */
export interface FeedId {
  /** Number of the user's last event. */
  seq: number;
  /** Whether it is the id of a feed with replies. */
  withReplies: boolean;
  /** Sequence of the last event that was read of each open reply, by message id. */
  replies: ReadonlyMap<string, number>;
}

/** @throws AppError `invalid_last_event_id` for what no feed of a user has as an id */
export function parseFeedId(id: string): FeedId {
  if (!FEED_ID.test(id)) throw invalidResumeId();
  const [seq, ...rest] = id.split('.');
  const replies = rest.filter(Boolean);
  if (replies.length > OPEN_ANSWER_BOUNDS.repliesOfUserFeed.limit) throw invalidResumeId();
  return { seq: parseInt(seq, 36), withReplies: rest.length > 0, replies: new Map(replies.map(parseReply)) };
}

function parseReply(text: string): [id: string, sequence: number] {
  const [code, sequence] = text.split(':');
  const id = idOf(code);
  if (codeOf(id) !== code) throw invalidResumeId();
  return [id, parseInt(sequence, 36)];
}

/** Progress of a reader of a user's feed, encoded in the ids of its events: the reader resumes in any process without a gap or a repetition. */
export class FeedCursor {
  private readonly replies = new Map<string, ReplyPosition>();
  /** Cached `id`; undefined after a change. */
  private text: string | undefined;

  constructor(
    private last: number,
    private readonly withReplies: boolean,
  ) {}

  /** Id of an event after which a reader stands at this cursor. */
  get id(): string {
    return (this.text ??= this.format());
  }

  /** Number of the user's last event. */
  get seq(): number {
    return this.last;
  }

  set seq(last: number) {
    this.last = last;
    this.text = undefined;
  }

  get open(): ReplyPosition[] {
    return [...this.replies.values()];
  }

  get isFull(): boolean {
    return this.replies.size >= OPEN_ANSWER_BOUNDS.repliesOfUserFeed.limit;
  }

  has({ messageId }: ReplyRef): boolean {
    return this.replies.has(messageId);
  }

  sequenceOf({ messageId }: ReplyRef): number {
    return this.replies.get(messageId)?.sequence ?? 0;
  }

  add(reply: ReplyRef, sequence: number): void {
    this.replies.set(reply.messageId, { reply, code: codeOf(reply.messageId), sequence });
    this.text = undefined;
  }

  advance({ messageId }: ReplyRef, sequence: number): void {
    const place = this.replies.get(messageId);
    if (place) place.sequence = sequence;
    this.text = undefined;
  }

  remove({ messageId }: ReplyRef): void {
    this.replies.delete(messageId);
    this.text = undefined;
  }

  private format(): string {
    const seq = this.last.toString(36);
    if (!this.withReplies) return seq;
    const replies = this.open.map(({ code, sequence }) => `${code}:${sequence.toString(36)}`);
    return `${seq}.${replies.join('.')}`;
  }
}

function codeOf(messageId: string): string {
  return Buffer.from(messageId.replaceAll('-', ''), 'hex').toString('base64url');
}

function idOf(code: string): string {
  const hex = Buffer.from(code, 'base64url').toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
