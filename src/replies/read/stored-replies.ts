import type { ReplyRef } from '../../messages/message.types';
import type { Message } from '../../messages/messages.service';

/** Time for which a row is kept after its last use: a reader that makes progress finds it, one that waits for its client holds nothing. */
const KEPT_MS = 2_000;

interface KeptRow {
  row: Promise<Message | undefined>;
  /** Drops the row. */
  timer?: NodeJS.Timeout;
}

/**
 * Cache of the rows of closed replies, which never change, while they are read: readers of one reply share a copy. The caller must
 * have checked that the reply exists and whose it is. Called by `ReplyReader`.
 */
export class StoredReplies {
  private readonly rows = new Map<string, KeptRow>();

  constructor(private readonly load: (reply: ReplyRef) => KeptRow['row']) {}

  /** Resolves to undefined if the reply has been deleted. */
  get(reply: ReplyRef): KeptRow['row'] {
    const key = `${reply.messageId} ${reply.userId}`;
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
