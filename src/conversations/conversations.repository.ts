import { Injectable } from '@nestjs/common';
import { In, IsNull } from 'typeorm';
import { TransactionRunner } from '../database/transaction-runner';
import { appendingEvents, eventsOf, trimmingEvents } from '../user-events/append-events';
import type { UserEvent } from '../user-events/dto/user-event.dto';
import { STORAGE_BOUNDS } from '../config/bounds';
import { UserEvents } from '../user-events/user-events';
import { asParameter, removingEntries, SEARCHED, storingEntries, titleEntry } from '../search/index/entries';
import { asParameters, countedRow, growth, UNLESS_KEY_TAKEN } from './conversation-bytes';
import { ConversationEntity } from './conversation.entity';
import type {
  ChangedConversation,
  ConversationFields,
  FurtherMessages,
  OwnKey,
  RemovedMessages,
  TitleSource,
  WatchedPosition,
} from './conversation.types';

/** Number of conversations among which the next one to be removed is chosen. */
const REMOVALS_AT_ONCE = 100;

const INSERT = `WITH made AS (
     INSERT INTO conversations SELECT c.* FROM ${countedRow('$1')} WHERE true ${UNLESS_KEY_TAKEN} RETURNING id
   ), ${storingEntries('$2', '$4', { from: 'made' })}, ${appendingEvents('$2', eventsOf('$3', `made, ${SEARCHED}`))}, ${trimmingEvents('$2')} SELECT id FROM made`;

const INDEX_TITLE = `WITH ${storingEntries('$1', '$2', { from: '(SELECT 1) AS title' })} SELECT FROM searched`;

/** Conversations. One that is being removed is found only by the queries of its removal. */
@Injectable()
export class ConversationsRepository {
  constructor(
    private readonly db: TransactionRunner,
    private readonly events: UserEvents,
  ) {}

  private get rows() {
    return this.db.manager.getRepository(ConversationEntity);
  }

  /**
   * Stores a conversation; false if the user has one with its key.
   * @param events for the user's feed; empty if the conversation is not complete yet
   */
  async insert(conversation: ConversationEntity, events: UserEvent[]): Promise<boolean> {
    const { user_id, title } = conversation;
    const entries = title ? [await titleEntry(conversation, title)] : [];
    const parameters = [
      JSON.stringify(conversation),
      user_id,
      JSON.stringify(events),
      asParameter(user_id, entries),
    ];
    const made = await this.db.query(INSERT, parameters);
    if (made.length && events.length) this.events.announce(conversation.user_id);
    return made.length > 0;
  }

  findByKey(userId: string, key: string): Promise<ConversationEntity | null> {
    return this.rows.findOneBy({ key, user_id: userId, deleted_at: IsNull() });
  }

  /** The given keys that a conversation of their user has. */
  takenKeys(keys: readonly OwnKey[]): Promise<OwnKey[]> {
    return this.db.query(
      `SELECT c.user_id AS "userId", c.key FROM unnest($1::text[], $2::text[]) AS k (user_id, key)
       JOIN conversations c ON c.user_id = k.user_id AND c.key = k.key WHERE c.key IS NOT NULL AND c.deleted_at IS NULL`,
      [keys.map(({ userId }) => userId), keys.map(({ key }) => key)],
    );
  }

  /** Appends events to the user's feed, as the last statement of the transaction of the change. */
  tell(userId: string, events: UserEvent[]): Promise<void> {
    return this.events.append(userId, events);
  }

  /** Removes the earlier titles of a conversation from the stored events, which feeds can still read; to be called after they were appended. */
  forgetTitles(userId: string, id: string): Promise<void> {
    return this.events.forgetTexts(userId, id, ['title']);
  }

  find(userId: string, id: string): Promise<ConversationEntity | null> {
    return this.rows.findOneBy({ id, user_id: userId, deleted_at: IsNull() });
  }

  findSome(userId: string, ids: string[]): Promise<ConversationEntity[]> {
    return this.rows.findBy({ id: In(ids), user_id: userId, deleted_at: IsNull() });
  }

  /** All conversations of the user after an id, in the order of their ids. */
  listAll(userId: string, afterId: string | undefined, limit: number): Promise<ConversationEntity[]> {
    const query = this.rows
      .createQueryBuilder('c')
      .where('c.user_id = :userId AND c.deleted_at IS NULL', { userId });
    if (afterId) query.andWhere('c.id > :afterId', { afterId });
    return query.orderBy('c.id').limit(limit).getMany();
  }

  /** Changes fields; undefined if the user has no such conversation, or none with one of these versions. */
  async update(
    userId: string,
    id: string,
    fields: ConversationFields,
    versions?: number[],
  ): Promise<ConversationEntity | undefined> {
    const query = this.rows
      .createQueryBuilder()
      .update()
      .set({
        ...fields,
        ...(fields.title !== undefined && titledBy(fields.title)),
        version: () => 'version + 1',
        updated_at: new Date(),
        stored_bytes: () => `stored_bytes${growth(fields)}`,
      })
      .setParameters(asParameters(fields))
      .where('id = :id AND user_id = :userId AND deleted_at IS NULL', { id, userId });
    if (versions) query.andWhere('version = ANY(:versions)', { versions });
    const result = await query.returning('*').execute();
    return (result.raw as ConversationEntity[])[0];
  }

  /** Replaces the title by a model's, by first words or by none, so that a new one is made; undefined if the title has changed since it was read. */
  async retitle(
    {
      id,
      user_id,
      title,
      title_source,
    }: Pick<ConversationEntity, 'id' | 'user_id' | 'title' | 'title_source'>,
    next: { title: string | null; title_source: TitleSource },
  ): Promise<ConversationEntity | undefined> {
    const rows = await this.db.query<ConversationEntity>(
      `UPDATE conversations SET title = $5::varchar, title_source = $6::varchar, version = version + 1, updated_at = $7,
         title_job_id = CASE WHEN $5::varchar IS NOT NULL AND (title_source = $6::varchar OR $6::varchar = 'model') THEN title_job_id END,
         stored_bytes = stored_bytes + COALESCE(octet_length($5::varchar), 0) - COALESCE(octet_length(title), 0)
       WHERE id = $1 AND user_id = $2 AND title IS NOT DISTINCT FROM $3 AND title_source = $4 AND deleted_at IS NULL
       RETURNING *`,
      [id, user_id, title, title_source, next.title, next.title_source, new Date()],
    );
    return rows[0];
  }

  /** Updates the search entry of the title; to be called in the transaction that changes the title. */
  async indexTitle({ id, user_id, created_at, title }: ConversationEntity): Promise<void> {
    if (title === null) {
      await this.db.query('DELETE FROM search_entries WHERE id = $1 AND user_id = $2', [id, user_id]);
      return;
    }
    await this.db.query(INDEX_TITLE, [
      user_id,
      asParameter(user_id, [await titleEntry({ id, created_at }, title)]),
    ]);
  }

  /** Bytes of all texts of the user in conversations. */
  async storedBytes(userId: string): Promise<number> {
    const [{ bytes }] = await this.db.query<{ bytes: number }>(
      `SELECT COALESCE(sum(stored_bytes), 0)::float8 AS bytes FROM conversations
       WHERE user_id = $1 AND deleted_at IS NULL`,
      [userId],
    );
    return bytes;
  }

  /** Updates the counters of a locked conversation from which messages were removed. */
  async shrink(userId: string, id: string, { messages, bytes, replies }: RemovedMessages): Promise<void> {
    await this.db.query(
      `UPDATE conversations SET stored_bytes = stored_bytes - $4, message_count = message_count - $3, removed_replies = (
         SELECT jsonb_object_agg(key, value) FROM (
           SELECT key, value FROM jsonb_each(COALESCE(removed_replies, '{}') || $5::jsonb) ORDER BY value DESC LIMIT $6
         ) AS last
       )
       WHERE id = $1 AND user_id = $2`,
      [id, userId, messages, bytes, JSON.stringify(replies), STORAGE_BOUNDS.removedReplies.limit],
    );
  }

  /** Sequence of a removed reply; undefined if it is not known any more. */
  async sequenceOfRemoved(userId: string, id: string, replyId: string): Promise<number | undefined> {
    const rows = await this.db.query<{ sequence: number | null }>(
      'SELECT (removed_replies ->> $3)::int AS sequence FROM conversations WHERE id = $1 AND user_id = $2',
      [id, userId, replyId],
    );
    return rows.at(0)?.sequence ?? undefined;
  }

  /** Adds to the stored bytes of a locked conversation; `bytes` may be negative. */
  async grow(userId: string, id: string, bytes: number): Promise<void> {
    await this.db.query(
      'UPDATE conversations SET stored_bytes = stored_bytes + $3 WHERE id = $1 AND user_id = $2',
      [id, userId, bytes],
    );
  }

  /**
   * The given conversations that have messages after a sequence, have changed since a version, or are gone (null).
   */
  changedSince(positions: readonly WatchedPosition[]): Promise<ChangedConversation[]> {
    return this.db.query(
      `SELECT p.id, c.last_sequence, c.version
       FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) AS p (id, user_id, sequence, version)
       LEFT JOIN conversations c ON c.id = p.id AND c.user_id = p.user_id AND c.deleted_at IS NULL
       WHERE c.id IS NULL OR c.last_sequence > p.sequence OR c.version > p.version`,
      [
        positions.map(({ id }) => id),
        positions.map(({ userId }) => userId),
        positions.map(({ sequence }) => sequence),
        positions.map(({ version }) => version),
      ],
    );
  }

  async clearContext(userId: string, id: string): Promise<boolean> {
    const result = await this.rows.update(
      { id, user_id: userId, deleted_at: IsNull() },
      { context_from: () => 'last_sequence', updated_at: new Date() },
    );
    return (result.affected ?? 0) > 0;
  }

  /** Makes the path that ends at this message the active one; false if there is no such conversation. */
  async select(userId: string, id: string, leafId: string | null): Promise<boolean> {
    const result = await this.rows.update(
      { id, user_id: userId, deleted_at: IsNull() },
      { active_leaf_id: leafId, updated_at: new Date() },
    );
    return (result.affected ?? 0) > 0;
  }

  /** Marks a conversation as read; false if it was not unread, or there is no such conversation. */
  async markRead(userId: string, id: string): Promise<boolean> {
    const rows = await this.db.query(
      `UPDATE conversations SET unread = false
       WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL AND unread RETURNING id`,
      [id, userId],
    );
    return rows.length > 0;
  }

  /** Locks the conversation against other turns until the transaction ends. */
  lock(userId: string, id: string): Promise<ConversationEntity | null> {
    return this.rows.findOne({
      where: { id, user_id: userId, deleted_at: IsNull() },
      lock: { mode: 'pessimistic_write' },
    });
  }

  /** Records the messages that were added to an empty conversation. */
  async recordMessages(
    userId: string,
    id: string,
    { leafId, count, bytes, at, contextFrom }: FurtherMessages,
  ): Promise<void> {
    await this.db.query(
      `UPDATE conversations SET active_leaf_id = $3, last_sequence = $4, message_count = $4, last_activity_at = $5,
         stored_bytes = stored_bytes + $6, context_from = $7 WHERE id = $1 AND user_id = $2`,
      [id, userId, leafId, count, at, bytes, contextFrom],
    );
  }

  // Removal

  /** Marks a conversation as deleted, so that no other query finds it; its own texts are removed at once, and its key is free. */
  async hide(userId: string, id: string): Promise<void> {
    await this.db.query(
      `WITH gone AS (SELECT $1::uuid AS id), ${removingEntries('$2', 'gone')}
       UPDATE conversations SET deleted_at = now(), key = NULL, title = NULL, system_prompt = NULL, settings = '{}', metadata = '{}'
       WHERE id = $1 AND user_id = $2`,
      [id, userId],
    );
  }

  /** Locks one of the oldest deleted conversations that no other process has locked. A random one, so that one that fails holds up few others. */
  async lockHidden(): Promise<{ id: string; user_id: string } | undefined> {
    const rows: { id: string; user_id: string }[] = await this.db.query(
      `SELECT id, user_id FROM conversations WHERE id IN (
         SELECT id FROM conversations WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT $1
       ) ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED`,
      [REMOVALS_AT_ONCE],
    );
    return rows[0];
  }

  /** Locks some conversations of the user until the transaction ends, deleted ones included. */
  async lockSome(userId: string, limit: number): Promise<string[]> {
    const rows: { id: string }[] = await this.db.query(
      'SELECT id FROM conversations WHERE user_id = $1 LIMIT $2 FOR UPDATE',
      [userId, limit],
    );
    return rows.map(({ id }) => id);
  }

  /** Deletes conversations that are empty; answers their number. */
  async delete(userId: string, ids: string[]): Promise<number> {
    const rows = await this.db.query(
      `WITH gone AS (SELECT unnest($2::uuid[]) AS id), ${removingEntries('$1', 'gone')}
       DELETE FROM conversations WHERE user_id = $1 AND id = ANY($2) RETURNING 1 AS one`,
      [userId, ids],
    );
    return rows.length;
  }
}

/** Columns that change with a title by the user. A cleared title may be made again, by first words or a model. */
function titledBy(title: string | null): Partial<ConversationEntity> {
  return title ? { title_source: 'user' } : { title_source: 'auto', title_job_id: null };
}
