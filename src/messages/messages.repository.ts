import { Injectable } from '@nestjs/common';
import { newId } from '../common/ids';
import { AppConfig, type TitlesConfig } from '../config/app-config';
import { TransactionRunner } from '../database/transaction-runner';
import { appendingEvents, bothEvents, eventOfEach, type ToldEvents } from '../user-events/append-events';
import { textOfParts } from '../search/index/text-of-parts';
import { UserEvents } from '../user-events/user-events';
import { MessageEntity } from './message.entity';
import type { ConversationRef, ReplyOutcome, ReplyRef, WrittenReply } from './message.types';
import { jobEvents, storedJob } from '../jobs/job-row';
import { messageBytes } from './message-bytes';
import { columnsIn, type ColumnIn } from './message-columns';
import { LAST_OF_PAGE, longMessages } from './message-pages';

/** Values that are stored when a reply ends. */
export type ReplyEnd = ReplyOutcome &
  Omit<Pick<MessageEntity, ColumnIn<'end'>>, keyof ReplyOutcome | 'model' | 'provider' | 'updated_at'> & {
    /** Model and provider that answered; absent: the requested ones did. */
    model?: string;
    provider?: string;
  };

/** Fields of a closed reply that its end does not have. */
export type ClosedRow = Pick<MessageEntity, 'id' | 'conversation_id' | 'user_id'> & {
  awaited: boolean;
  /** Id of the job that is to name the conversation; null unless this reply is the first one that calls for a title. */
  title_job_id: string | null;
};

/** A message without its parts, usage and attempts, which may be long. */
export type MessageHeader = Pick<MessageEntity, ColumnIn<'header'>>;

/** SQL for whether the conversation of a message `m` is there and not being removed. */
export const IS_THERE =
  'EXISTS (SELECT 1 FROM conversations c WHERE c.id = m.conversation_id AND c.user_id = m.user_id AND c.deleted_at IS NULL)';

const headerOf = (row: string) =>
  columnsIn('header')
    .map((name) => `${row}.${name}`)
    .join(', ');
const HEADER = headerOf('messages');

const ENDED = columnsIn('end');
/** `$1` to `$4` are the message, its user, its conversation and its writer. */
const parameterOf = (name: ColumnIn<'end'>) => `$${5 + ENDED.indexOf(name)}`;
/** SQL that sets a column; an absent model or provider stays the requested one. */
const endOf = (name: ColumnIn<'end'>) =>
  `${name} = ${name === 'model' || name === 'provider' ? `coalesce(${parameterOf(name)}, ${name})` : parameterOf(name)}`;

/** SQL for the `reply.ended` events of `rows`, each with `id`, `conversation_id`, `status` and `finish_reason`. */
export function endedOf(rows: string, more = ''): ToldEvents {
  return eventOfEach(
    'reply.ended',
    `json_build_object('conversation_id', e.conversation_id, 'message_id', e.id, 'status', e.status, 'finish_reason', e.finish_reason)`,
    `${rows} AS e${more}`,
  );
}
/** The id of the job that names the conversation. */
const TITLE_JOB = `$${5 + ENDED.length}::uuid`;
const TITLED = storedJob('title', {
  id: TITLE_JOB,
  user: 'conversation.user_id',
  input: `jsonb_build_object('conversation_id', conversation.id)`,
  from: `closed, conversation
     WHERE conversation.title_source = 'auto' AND conversation.title_job_id IS NULL`,
});

const ENDS = endedOf('closed', ', (SELECT count(*) FROM counted) AS c');

const close = (titled: string, events: ToldEvents) => `WITH conversation AS (
     SELECT id, user_id, title_source, title_job_id FROM conversations WHERE id = $3 AND user_id = $2 FOR NO KEY UPDATE
   ), gone AS (
     DELETE FROM open_replies o USING conversation
     WHERE o.message_id = $1 AND o.user_id = $2 AND o.instance_id = $4 RETURNING o.awaited
   ), closed AS (
     UPDATE messages m SET ${ENDED.map(endOf).join(', ')}
     FROM gone WHERE m.id = $1 AND m.user_id = $2
     RETURNING m.id, m.conversation_id, m.user_id, m.status, m.finish_reason, m.sequence, gone.awaited, ${messageBytes('m')} AS bytes
   ), titled AS (
     ${titled}
   ), counted AS (
     UPDATE conversations c SET stored_bytes = c.stored_bytes + closed.bytes, unread = true,
       indexed_to = LEAST(COALESCE(c.indexed_to, c.last_sequence), closed.sequence - 1),
       title_job_id = COALESCE(c.title_job_id, (SELECT id FROM titled)) FROM closed
     WHERE c.id = $3 AND c.user_id = $2 RETURNING c.id
   ), ${appendingEvents('$2', events)}
   SELECT id, conversation_id, user_id, awaited, (SELECT id FROM titled) AS title_job_id FROM closed`;
/** Text of the statement, built once: see `turns.repository.ts`. */
const CLOSE = close('SELECT NULL::uuid AS id', ENDS);
const CLOSE_AND_TITLE = close(TITLED, bothEvents(ENDS, jobEvents('job.created', 'titled')));

/** Whether this reply calls for a title by a model: there is a model for titles, or the user's own model replied, which then writes it too. */
function callsForTitle({ status, usage }: ReplyEnd, { enabled, model }: TitlesConfig): boolean {
  return enabled && status === 'completed' && (model !== null || usage?.own === true);
}

/** Messages; every query names the owner. */
@Injectable()
export class MessagesRepository {
  private readonly titles: TitlesConfig;

  constructor(
    private readonly db: TransactionRunner,
    private readonly events: UserEvents,
    config: AppConfig,
  ) {
    this.titles = config.llm.titles;
  }

  private get rows() {
    return this.db.manager.getRepository(MessageEntity);
  }

  /** The message; null if there is none, or if its conversation is being removed. */
  find(userId: string, id: string): Promise<MessageEntity | null> {
    return this.rows
      .createQueryBuilder('m')
      .where('m.id = :id AND m.user_id = :userId', { id, userId })
      .andWhere(IS_THERE)
      .getOne();
  }

  async header(userId: string, id: string): Promise<MessageHeader | undefined> {
    const rows: MessageHeader[] = await this.db.query(
      `SELECT ${headerOf('m')} FROM messages m WHERE id = $1 AND user_id = $2 AND ${IS_THERE}`,
      [id, userId],
    );
    return rows.at(0);
  }

  /** Headers of the given messages that are replies of the user. */
  replies(userId: string, ids: string[]): Promise<MessageHeader[]> {
    return this.db.query(
      `SELECT ${headerOf('m')} FROM messages m WHERE m.id = ANY($1) AND m.user_id = $2 AND m.role = 'assistant' AND ${IS_THERE}`,
      [ids, userId],
    );
  }

  /** The texts of messages, in the order of their ids here; null for a text before which there are `most` characters or more. */
  texts(userId: string, ids: string[], most: number): Promise<{ id: string; text: string | null }[]> {
    return this.db.query(
      `SELECT t.id, CASE WHEN t.up_to - t.length < $3 OR t.ord = 1 THEN t.text END AS text FROM (
         SELECT m.id, k.ord, s.text, length(s.text) AS length, sum(length(s.text)) OVER (ORDER BY k.ord) AS up_to
         FROM unnest($2::uuid[]) WITH ORDINALITY AS k (id, ord) JOIN messages m ON m.id = k.id AND m.user_id = $1
         CROSS JOIN LATERAL (
           ${textOfParts('m.parts')}
         ) s
       ) t ORDER BY t.ord`,
      [userId, ids, most],
    );
  }

  /** Depth of a message; undefined if it is not in this conversation. */
  async depthOf({ userId, conversationId }: ConversationRef, id: string): Promise<number | undefined> {
    const rows: { depth: number }[] = await this.db.query(
      'SELECT depth FROM messages WHERE id = $1 AND conversation_id = $2 AND user_id = $3',
      [id, conversationId, userId],
    );
    return rows.at(0)?.depth;
  }

  /**
   * Ends a reply that this registration of a process writes. Undefined if it does not write it any more: another process has closed the
   * reply, or it was removed with its conversation. The conversation is locked first, as by every turn, queued reply or deletion.
   * If a model is to name the conversation, which has no name by the user and no such job yet, the job is stored with the end.
   */
  async closeReply(
    { messageId, userId, conversationId, instanceId }: WrittenReply,
    end: ReplyEnd,
  ): Promise<ClosedRow | undefined> {
    const columns: Record<ColumnIn<'end'>, unknown> = {
      ...end,
      parts: JSON.stringify(end.parts),
      usage: end.usage && JSON.stringify(end.usage),
      error: end.error && JSON.stringify(end.error),
      attempts: JSON.stringify(end.attempts),
      model: end.model,
      provider: end.provider,
      updated_at: new Date(),
    };
    const titles = callsForTitle(end, this.titles);
    const rows: ClosedRow[] = await this.db.query(titles ? CLOSE_AND_TITLE : CLOSE, [
      messageId,
      userId,
      conversationId,
      instanceId,
      ...ENDED.map((name) => columns[name]),
      ...(titles ? [newId()] : []),
    ]);
    if (rows.length) this.events.announce(userId);
    return rows[0];
  }

  /** The conversation's replies made after a sequence, in order. */
  repliesAfter(
    { userId, conversationId }: ConversationRef,
    sequence: number,
    limit: number,
  ): Promise<MessageHeader[]> {
    return this.db.query(
      `SELECT ${HEADER} FROM messages WHERE conversation_id = $1 AND user_id = $4 AND sequence > $2 AND role = 'assistant'
       ORDER BY sequence LIMIT $3`,
      [conversationId, sequence, limit, userId],
    );
  }

  /** Messages of a conversation after a sequence, in the order in which they were made: as many as a page may have bytes, at least one. */
  listAll(
    { userId, conversationId }: ConversationRef,
    afterSequence: number,
    limit: number,
  ): Promise<MessageEntity[]> {
    return this.db.query(
      `WITH RECURSIVE found AS (
         SELECT m.*, row_number() OVER (ORDER BY m.sequence) AS position FROM messages m
         WHERE m.conversation_id = $1 AND m.user_id = $2 AND m.sequence > $3 ORDER BY m.sequence LIMIT $4
       ), ${longMessages('octet_length(f.parts::text)')}
       SELECT found.* FROM found WHERE position <= ${LAST_OF_PAGE} ORDER BY sequence`,
      [conversationId, userId, afterSequence, limit],
    );
  }

  /** The number of the user's last event, and the first of the replies that run at that moment. */
  async runningReplies(userId: string, limit: number): Promise<{ seq: number; replies: ReplyRef[] }> {
    const rows = await this.db.query<{
      seq: number | null;
      messageId: string | null;
      conversationId: string;
    }>(
      `SELECT (SELECT h.seq::float8 FROM user_event_heads h WHERE h.user_id = $1) AS seq, o."messageId", o."conversationId"
       FROM (SELECT 1) AS one LEFT JOIN LATERAL (
         SELECT message_id AS "messageId", conversation_id AS "conversationId" FROM open_replies
         WHERE user_id = $1 ORDER BY message_id LIMIT $2
       ) o ON true`,
      [userId, limit],
    );
    const replies = rows.flatMap(({ messageId, conversationId }) =>
      messageId === null ? [] : [{ userId, conversationId, messageId }],
    );
    return { seq: rows[0].seq ?? 0, replies };
  }

  async runningReply({ userId, conversationId }: ConversationRef): Promise<MessageHeader | undefined> {
    const rows: MessageHeader[] = await this.db.query(
      `SELECT ${headerOf('m')} FROM open_replies o JOIN messages m ON m.id = o.message_id AND m.user_id = o.user_id
       WHERE o.conversation_id = $1 AND o.user_id = $2`,
      [conversationId, userId],
    );
    return rows[0];
  }

  /** The conversation's last reply that is not queued. */
  async lastReply({ userId, conversationId }: ConversationRef): Promise<MessageHeader | undefined> {
    const rows: MessageHeader[] = await this.db.query(
      `SELECT ${HEADER} FROM messages WHERE conversation_id = $1 AND user_id = $2 AND role = 'assistant' AND status <> 'queued'
       ORDER BY sequence DESC LIMIT 1`,
      [conversationId, userId],
    );
    return rows[0];
  }
}
