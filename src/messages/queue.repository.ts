import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { appendingEvents, eventOfEach } from '../user-events/append-events';
import { UserEvents } from '../user-events/user-events';
import type { MessageEntity } from './message.entity';
import type { ConversationRef, QueuedRequest, ReplyRef, WaitingConversation } from './message.types';
import { endedOf } from './messages.repository';
import { isQueued, WRITER } from './turns.repository';

/** A queued reply that is being written from now on. */
export type StartedReply = MessageEntity & { instance_id: string; request: QueuedRequest };

const cancelledAt = (now: string) =>
  `status = 'stopped', finish_reason = 'stopped', queued_request = NULL, updated_at = ${now}`;

/** SQL for the user's `reply.started` event of a queued reply that begins to run. */
const STARTED = eventOfEach(
  'reply.started',
  `json_build_object('conversation_id', b.conversation_id, 'message_id', b.id, 'user_message_id', b.parent_id, 'model', b.model)`,
  'begun b, (SELECT count(*) FROM opened) AS o',
);

/** A statement that cancels the queued replies which fulfil a condition; `$2` is the user, `$3` the time. */
const cancelWhere = (condition: string) => `WITH cancelled AS (
     UPDATE messages SET ${cancelledAt('$3')} WHERE ${condition} AND user_id = $2 AND ${isQueued('messages')}
     RETURNING id, conversation_id, status, finish_reason
   ), ${appendingEvents('$2', endedOf('cancelled'))} SELECT id FROM cancelled`;
const CANCEL = cancelWhere('id = $1');
const CANCEL_ALL = cancelWhere('conversation_id = $1');

/** Replies that wait for their turn. */
@Injectable()
export class QueueRepository {
  constructor(
    private readonly db: TransactionRunner,
    private readonly events: UserEvents,
  ) {}

  /**
   * Numbers of running and of waiting replies in a locked conversation. The running reply is marked `awaited`: ending it locks its row too,
   * so one of the two always sees the other.
   */
  async join({ userId, conversationId }: ConversationRef): Promise<{ running: number; waiting: number }> {
    const rows: { running: number; waiting: number }[] = await this.db.query(
      `WITH running AS (
         UPDATE open_replies SET awaited = true WHERE conversation_id = $1 AND user_id = $2 RETURNING message_id
       )
       SELECT (SELECT count(*)::int FROM running) AS running, (
         SELECT count(*)::int FROM messages WHERE conversation_id = $1 AND user_id = $2 AND ${isQueued('messages')}
       ) AS waiting`,
      [conversationId, userId],
    );
    return rows[0];
  }

  /**
   * Makes the first queued reply this process's to write; none while another reply runs, for a user who is locked out, or if the process is
   * not registered any more. The conversation must be locked.
   * @param onlyId begins nothing if another one is the first
   */
  async beginNext(
    { userId, conversationId }: ConversationRef,
    instanceId: string,
    onlyId?: string,
  ): Promise<StartedReply | undefined> {
    const rows: StartedReply[] = await this.db.query(
      `WITH writer AS (${WRITER('$2')}), next AS (
         SELECT id, user_id, queued_request FROM messages
         WHERE conversation_id = $1 AND user_id = $4 AND ${isQueued('messages')} AND NOT EXISTS (
           SELECT 1 FROM open_replies WHERE conversation_id = $1 AND user_id = $4
         ) AND EXISTS (SELECT 1 FROM users u WHERE u.id = $4 AND u.is_active) ORDER BY sequence LIMIT 1
       ), begun AS (
         UPDATE messages m SET status = 'streaming', updated_at = $3, queued_request = NULL
         FROM next, writer WHERE m.id = next.id AND ($5::uuid IS NULL OR m.id = $5) AND m.user_id = $4 AND ${isQueued('m')} RETURNING m.*, next.queued_request AS request
       ), opened AS (
         INSERT INTO open_replies (message_id, user_id, conversation_id, instance_id, first_batch, awaited)
         SELECT b.id, b.user_id, b.conversation_id, w.instance_id, w.first_batch, EXISTS (
           SELECT 1 FROM messages o WHERE o.conversation_id = $1 AND o.user_id = $4 AND ${isQueued('o')} AND o.id <> b.id
         ) FROM begun b, writer w RETURNING message_id
       ), ${appendingEvents('$4', STARTED)}
       SELECT begun.*, $2::uuid AS instance_id FROM begun`,
      [conversationId, instanceId, new Date(), userId, onlyId ?? null],
    );
    if (rows.length) this.events.announce(userId);
    return rows[0];
  }

  /** Cancels a queued reply; false if it does not wait any more. */
  async cancel(userId: string, id: string): Promise<boolean> {
    return (await this.cancelled(CANCEL, id, userId)).length > 0;
  }

  cancelAll({ userId, conversationId }: ConversationRef): Promise<string[]> {
    return this.cancelled(CANCEL_ALL, conversationId, userId);
  }

  private async cancelled(statement: string, id: string, userId: string): Promise<string[]> {
    const rows: { id: string }[] = await this.db.query(statement, [id, userId, new Date()]);
    if (rows.length) this.events.announce(userId);
    return rows.map((row) => row.id);
  }

  /** Conversations with queued replies of users who are locked out. */
  waitingOfLockedOut(): Promise<WaitingConversation[]> {
    return this.db.query(
      `SELECT DISTINCT m.conversation_id, m.user_id FROM messages m JOIN users u ON u.id = m.user_id
       WHERE ${isQueued('m')} AND NOT u.is_active`,
    );
  }

  /** The conversation's first queued reply; undefined if there is none, or while a reply runs. */
  async first({
    userId,
    conversationId,
  }: ConversationRef): Promise<{ id: string; model: string } | undefined> {
    const rows: { id: string; model: string }[] = await this.db.query(
      `SELECT id, model FROM messages WHERE conversation_id = $1 AND user_id = $2 AND ${isQueued('messages')} AND NOT EXISTS (
         SELECT 1 FROM open_replies WHERE conversation_id = $1 AND user_id = $2
       ) ORDER BY sequence LIMIT 1`,
      [conversationId, userId],
    );
    return rows[0];
  }

  /**
   * Conversations with queued replies of which none runs, in random order, so that replies that cannot be started hold up no others.
   * @param exceptModels conversations whose first waiting reply is of one of these are left out
   */
  waiting(limit: number, exceptModels: string[]): Promise<WaitingConversation[]> {
    return this.db.query(
      `SELECT conversation_id, user_id FROM (
         SELECT DISTINCT ON (q.conversation_id, q.user_id) q.conversation_id, q.user_id, q.model FROM messages q
         WHERE ${isQueued('q')} AND (q.conversation_id, q.user_id) NOT IN (SELECT conversation_id, user_id FROM open_replies)
         ORDER BY q.conversation_id, q.user_id, q.sequence
       ) AS waiting WHERE (model = ANY($2)) IS NOT TRUE ORDER BY random() LIMIT $1`,
      [limit, exceptModels],
    );
  }

  /** Number of queued replies of all users, counted up to a limit. Reads the index of queued replies. */
  async countQueued(limit: number): Promise<number> {
    const [{ queued }] = await this.db.query<{ queued: number }>(
      `SELECT count(*)::int AS queued FROM (SELECT 1 FROM messages q WHERE ${isQueued('q')} LIMIT $1) counted`,
      [limit],
    );
    return queued;
  }

  /** Ids of the given replies that do not wait any more. */
  async notWaiting(replies: readonly ReplyRef[]): Promise<string[]> {
    const rows: { id: string }[] = await this.db.query(
      `SELECT q.id FROM unnest($1::uuid[], $2::text[]) AS q (id, user_id)
       WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = q.id AND m.user_id = q.user_id AND ${isQueued('m')})`,
      [replies.map(({ messageId }) => messageId), replies.map(({ userId }) => userId)],
    );
    return rows.map(({ id }) => id);
  }
}
