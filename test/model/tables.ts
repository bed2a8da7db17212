import type { JournalEntry } from '../../src/replies/log/journal/journal-payload';
import type { Conversation } from '../../src/conversations/conversations.service';
import type { MessageEntity } from '../../src/messages/message.entity';
import type { OpenReplyEntity } from '../../src/messages/open-reply.entity';
import type { Transaction } from './transaction';

export type Row = Readonly<MessageEntity>;
export type OpenRow = Readonly<Omit<OpenReplyEntity, 'message'>>;

export interface Batch {
  instance_id: string;
  batch: number;
  payload: string;
  runs: JournalEntry[];
}

/** What PostgreSQL says of a violated constraint. */
export function violation(code: '23503' | '23505', constraint: string): Error {
  return Object.assign(new Error(`violates ${constraint}`), { code, constraint });
}

/** The statement cannot go on until another transaction has ended. */
export const WAIT = new Error('waits for a lock');

interface Lock {
  owner: Transaction;
  exclusive: boolean;
}

/** What everybody sees: committed rows, and the locks of the transactions that are underway. */
export class Tables {
  /** How far the database's clock is from that of the processes. */
  clockOffset = 0;
  readonly instances = new Map<string, number>();
  journal: Batch[] = [];
  readonly conversations = new Map<string, Conversation>();
  readonly messages = new Map<string, Row>();
  /** By message. */
  readonly openReplies = new Map<string, OpenRow>();
  /** Instances whose journal has its fence. */
  readonly fences = new Set<string>();
  private readonly locks = new Map<string, Lock[]>();

  constructor(
    private readonly time: () => number,
    conversations: readonly Conversation[],
  ) {
    for (const conversation of conversations) this.conversations.set(conversation.id, conversation);
  }

  get now(): number {
    return this.time() + this.clockOffset;
  }

  lockedByAnother(owner: Transaction, key: string, exclusive: boolean): boolean {
    const locks = this.locks.get(key) ?? [];
    return locks.some((lock) => lock.owner !== owner && (exclusive || lock.exclusive));
  }

  lock(owner: Transaction, key: string, exclusive: boolean): void {
    if (this.lockedByAnother(owner, key, exclusive)) throw WAIT;
    this.locks.set(key, [...(this.locks.get(key) ?? []), { owner, exclusive }]);
  }

  unlock(owner: Transaction): void {
    for (const [key, locks] of this.locks) {
      const left = locks.filter((lock) => lock.owner !== owner);
      if (left.length) this.locks.set(key, left);
      else this.locks.delete(key);
    }
  }

  get replies(): Row[] {
    return [...this.messages.values()].filter((row) => row.role === 'assistant');
  }

  /** Replies that are being written. */
  get open(): Row[] {
    return this.replies.filter((row) => row.status === 'streaming');
  }

  /** Replies that wait for their turn. */
  get queued(): Row[] {
    return this.replies.filter((row) => row.status === 'queued');
  }
}
