import { Injectable } from '@nestjs/common';
import { SEARCH_BOUNDS } from '../../config/bounds';
import { TransactionRunner } from '../../database/transaction-runner';
import { asParameter, messageEntry, storingEntries, titleEntry, type SearchEntry } from './entries';
import { textOfParts } from './text-of-parts';

interface Locked {
  id: string;
  title: string | null;
  created_at: Date;
  indexed_to: number;
  last_sequence: number;
}

interface Unindexed {
  id: string;
  conversation_id: string;
  role: string;
  sequence: number;
  created_at: Date;
  /** Null: too much for this slice. */
  text: string | null;
}

/** Messages of one slice, and its characters. */
const MESSAGES_OF_SLICE = 200;
const TEXT_OF_SLICE = 100_000;
const CONVERSATIONS_OF_SLICE = 50;

const TO_INDEX = 'indexed_to < last_sequence AND deleted_at IS NULL';

/** Locked first, as by whoever begins a turn, ends a reply or removes messages, so that nothing of what is read changes until it is indexed. */
const LOCK = `SELECT id, title, created_at, indexed_to, last_sequence FROM conversations WHERE user_id = $1 AND ${TO_INDEX}
   ORDER BY last_activity_at DESC, id DESC LIMIT ${CONVERSATIONS_OF_SLICE} FOR NO KEY UPDATE`;

/** None that run: they get their text at their end, which sets the conversation back to before them. */
const UNINDEXED = `SELECT f.id, f.conversation_id, f.role, f.sequence, f.created_at,
     CASE WHEN f.up_to - length(f.text) < ${TEXT_OF_SLICE} THEN f.text END AS text
   FROM (
     SELECT m.*, sum(length(m.text)) OVER (ORDER BY m.ord, m.sequence) AS up_to FROM (
       SELECT m.*, c.ord, s.text FROM unnest($2::uuid[], $3::int[]) WITH ORDINALITY AS c (id, indexed_to, ord) CROSS JOIN LATERAL (
         SELECT m.id, m.conversation_id, m.role, m.sequence, m.created_at, m.parts FROM messages m
         WHERE m.conversation_id = c.id AND m.user_id = $1 AND m.sequence > c.indexed_to AND m.status NOT IN ('queued', 'streaming')
         ORDER BY m.sequence LIMIT ${MESSAGES_OF_SLICE}
       ) m CROSS JOIN LATERAL (
         ${textOfParts('m.parts')}
       ) s ORDER BY c.ord, m.sequence LIMIT ${MESSAGES_OF_SLICE}
     ) m
   ) f ORDER BY f.ord, f.sequence`;

const STORE = `WITH ${storingEntries('$1', '$2', { from: '(SELECT 1) AS said', keepsKnown: true })} SELECT FROM searched`;

/**
 * Indexes what was said. A turn does not: its words cost more than the turn. What is not indexed yet stands with the conversations
 * (`indexed_to`), and whoever is about to search has it indexed before, in whatever process; a job does it for those who do not search.
 */
@Injectable()
export class IndexRefresh {
  constructor(private readonly db: TransactionRunner) {}

  /** The next user of whom something is not indexed. */
  async nextUser(after: string): Promise<string | undefined> {
    const rows = await this.db.query<{ user_id: string }>(
      `SELECT user_id FROM conversations WHERE ${TO_INDEX} AND user_id > $1 ORDER BY user_id LIMIT 1`,
      [after],
    );
    return rows.at(0)?.user_id;
  }

  /** Of one user, before they search: all of it, but not endlessly. */
  async beforeSearch(userId: string): Promise<void> {
    let left: number = SEARCH_BOUNDS.indexedBefore.limit;
    const end = performance.now() + SEARCH_BOUNDS.indexingBefore.limit;
    for (;;) {
      const count = await this.slice(userId);
      if (count === undefined || (left -= count) <= 0 || performance.now() > end) return;
    }
  }

  /** Indexes some messages of a user, of their newest conversations first; answers how many, undefined if nothing is left. */
  async slice(userId: string): Promise<number | undefined> {
    // Most who search have said nothing since they last did.
    if (!(await this.isNeeded(userId))) return undefined;
    return this.db.run(async () => {
      const locked = await this.db.query<Locked>(LOCK, [userId]);
      const messages = await this.db.query<Unindexed>(UNINDEXED, [
        userId,
        locked.map(({ id }) => id),
        locked.map(({ indexed_to }) => indexed_to),
      ]);
      const cut = messages.findIndex(({ text }) => text === null);
      const read = cut < 0 ? messages : messages.slice(0, cut);
      const isAll = cut < 0 && messages.length < MESSAGES_OF_SLICE;
      const places = isAll ? locked.map(placeOf) : reached(locked, read[read.length - 1]);
      await this.store(userId, locked.slice(0, places.length), read, places);
      return read.length;
    });
  }

  private async isNeeded(userId: string): Promise<boolean> {
    const [{ needed }] = await this.db.query<{ needed: boolean }>(
      `SELECT EXISTS (SELECT 1 FROM conversations WHERE user_id = $1 AND ${TO_INDEX}) AS needed`,
      [userId],
    );
    return needed;
  }

  private async store(
    userId: string,
    conversations: readonly Locked[],
    messages: readonly Unindexed[],
    places: readonly Place[],
  ): Promise<void> {
    const entries: SearchEntry[] = [];
    for (const conversation of conversations)
      if (conversation.title !== null) entries.push(await titleEntry(conversation, conversation.title));
    for (const message of messages) if (message.text) entries.push(await messageEntry(message, message.text));
    if (entries.length) await this.db.query(STORE, [userId, asParameter(userId, entries)]);
    await this.db.query(
      `UPDATE conversations c SET indexed_to = p.up_to FROM unnest($2::uuid[], $3::int[]) AS p (id, up_to)
       WHERE c.id = p.id AND c.user_id = $1`,
      [userId, places.map(({ id }) => id), places.map(({ upTo }) => upTo)],
    );
  }
}

/** Up to where a conversation is indexed. */
interface Place {
  id: string;
  upTo: number;
}

const placeOf = ({ id, last_sequence }: Locked): Place => ({ id, upTo: last_sequence });

/** The places of the conversations up to the one in which the last of the messages is. */
function reached(locked: readonly Locked[], last: Unindexed): Place[] {
  const index = locked.findIndex(({ id }) => id === last.conversation_id);
  return [...locked.slice(0, index).map(placeOf), { id: last.conversation_id, upTo: last.sequence }];
}
