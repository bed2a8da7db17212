import type { Message } from '../../messages/messages.service';

/** A reply of a user, wherever it is. */
export type ReplyRef = Pick<Message, 'id' | 'user_id'>;

type Row = Promise<Message | undefined>;

/**
 * The rows of closed replies, which never change: those who read the same one at the same time share a copy, which goes when nobody
 * needs it. A reader that waits for its client needs none, so it holds nothing; most often it finds the row again afterwards.
 * Whether a reply is there and whose it is must have been asked before.
 */
export class StoredReplies {
  private readonly rows = new Map<string, WeakRef<Row>>();
  private readonly gone = new FinalizationRegistry<string>((key) => {
    if (!this.rows.get(key)?.deref()) this.rows.delete(key);
  });

  constructor(private readonly load: (reply: ReplyRef) => Row) {}

  /** Undefined if it has been deleted. */
  get(reply: ReplyRef): Row {
    const key = `${reply.id} ${reply.user_id}`;
    const known = this.rows.get(key)?.deref();
    if (known) return known;
    const row = this.load(reply);
    this.rows.set(key, new WeakRef(row));
    this.gone.register(row, key);
    row.catch(() => this.rows.delete(key));
    return row;
  }
}
