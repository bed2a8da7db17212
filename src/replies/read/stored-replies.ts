import type { Message } from '../../messages/messages.service';

/** So long after a reader has asked for it last: whoever reads at a pace finds it, whoever waits for a client holds nothing. */
const KEPT_MS = 2_000;

/** A reply of a user, wherever it is. */
export type ReplyRef = Pick<Message, 'id' | 'user_id'>;

interface KeptRow {
  row: Promise<Message | undefined>;
  /** Lets it go. */
  timer?: NodeJS.Timeout;
}

/**
 * The rows of closed replies, which never change, while they are read: those who read the same one share a copy. Whether a
 * reply is there and whose it is must have been asked before.
 */
export class StoredReplies {
  private readonly rows = new Map<string, KeptRow>();

  constructor(private readonly load: (reply: ReplyRef) => KeptRow['row']) {}

  /** Undefined if it has been deleted. */
  get(reply: ReplyRef): KeptRow['row'] {
    const key = `${reply.id} ${reply.user_id}`;
    const known = this.rows.get(key);
    known?.timer?.refresh();
    return known?.row ?? this.keep(key, this.load(reply));
  }

  private keep(key: string, row: KeptRow['row']): KeptRow['row'] {
    const kept: KeptRow = { row };
    const drop = () => void this.rows.delete(key);
    this.rows.set(key, kept);
    row.then(() => (kept.timer = setTimeout(drop, KEPT_MS).unref()), drop);
    return row;
  }
}
