import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { OpenReplyEntity } from './open-reply.entity';
import type { MessagePart } from './content/parts';
import type { OpenReply, ReplyRef, WrittenReply } from './message.types';

/** Content of a reply at its last checkpoint, and the first batch of the journal that may hold more. */
export interface Checkpoint {
  parts: MessagePart[];
  event_lengths: Buffer;
  first_batch: number;
}

const COLUMNS = `o.message_id AS "messageId", o.user_id AS "userId", o.conversation_id AS "conversationId",
  o.instance_id AS "instanceId", o.first_batch AS "firstBatch"`;

/** SQL for replies as rows `r (id, user_id)`, and their values. */
const REPLIES = 'unnest($1::uuid[], $2::text[]) AS r (id, user_id)';
const valuesOf = (replies: readonly ReplyRef[]) => [
  replies.map(({ messageId }) => messageId),
  replies.map(({ userId }) => userId),
];

/** Replies that are being written, and by which process. */
@Injectable()
export class OpenRepliesRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(OpenReplyEntity);
  }

  async find({ userId, messageId }: ReplyRef): Promise<OpenReply | undefined> {
    const rows = await this.db.query<OpenReply>(
      `SELECT ${COLUMNS} FROM open_replies o WHERE o.message_id = $1 AND o.user_id = $2`,
      [messageId, userId],
    );
    return rows[0];
  }

  /** The replies of a process, after one of them in the order of their ids. */
  ofInstance(instanceId: string, afterId: string | undefined, limit: number): Promise<OpenReply[]> {
    return this.db.query(
      `SELECT ${COLUMNS} FROM open_replies o WHERE o.instance_id = $1 AND ($2::uuid IS NULL OR o.message_id > $2)
       ORDER BY o.message_id LIMIT $3`,
      [instanceId, afterId ?? null, limit],
    );
  }

  /** The replies of a process that began before a time of its own clock. */
  startedBefore(instanceId: string, time: Date): Promise<OpenReply[]> {
    return this.db.query(
      `SELECT ${COLUMNS} FROM open_replies o JOIN messages m ON m.id = o.message_id AND m.user_id = o.user_id
       WHERE o.instance_id = $1 AND m.updated_at < $2`,
      [instanceId, time],
    );
  }

  /** Processes that are not registered any more and have left replies open. */
  async orphanedInstances(): Promise<string[]> {
    const rows = await this.db.query<{ instance_id: string }>(
      `SELECT DISTINCT instance_id FROM open_replies o
       WHERE NOT EXISTS (SELECT 1 FROM instances i WHERE i.id = o.instance_id)`,
    );
    return rows.map(({ instance_id }) => instance_id);
  }

  async checkpointOf({ userId, messageId }: ReplyRef): Promise<Checkpoint | undefined> {
    const row = await this.rows.findOne({
      select: { message_id: true, user_id: true, parts: true, event_lengths: true, first_batch: true },
      where: { message_id: messageId, user_id: userId },
    });
    if (!row) return undefined;
    const { parts, event_lengths, first_batch } = row;
    return { parts: parts ?? [], event_lengths: event_lengths ?? Buffer.alloc(0), first_batch };
  }

  /** Stores a checkpoint; absent fields keep their values. False if the process does not write the reply any more, or is not registered any more. */
  async checkpoint(
    { messageId, userId, instanceId }: WrittenReply,
    { parts, event_lengths, first_batch }: Pick<Checkpoint, 'first_batch'> & Partial<Checkpoint>,
  ): Promise<boolean> {
    const rows = await this.db.query(
      `WITH fence AS (SELECT 1 FROM reply_journal WHERE instance_id = $3 AND batch = 0 FOR KEY SHARE)
       UPDATE open_replies SET parts = coalesce($4, parts), event_lengths = coalesce($5, event_lengths), first_batch = $6
       FROM fence WHERE message_id = $1 AND user_id = $2 AND instance_id = $3 RETURNING message_id`,
      [messageId, userId, instanceId, parts && JSON.stringify(parts), event_lengths, first_batch],
    );
    return rows.length > 0;
  }

  /** Stores a checkpoint in place of a process that is gone: without its fence, which is gone as well. */
  async keepRecovered(
    { messageId, userId, instanceId }: WrittenReply,
    { parts, event_lengths, first_batch }: Checkpoint,
  ): Promise<void> {
    await this.db.query(
      `UPDATE open_replies SET parts = $4, event_lengths = $5, first_batch = $6
       WHERE message_id = $1 AND user_id = $2 AND instance_id = $3`,
      [messageId, userId, instanceId, JSON.stringify(parts), event_lengths, first_batch],
    );
  }

  /** Marks a reply to be ended by the process that writes it. Answers its registration; undefined if the reply is not open. */
  async requestStop({ userId, messageId }: ReplyRef): Promise<string | undefined> {
    const rows = await this.db.query<{ instance_id: string }>(
      'UPDATE open_replies SET stop_requested = true WHERE message_id = $1 AND user_id = $2 RETURNING instance_id',
      [messageId, userId],
    );
    return rows.at(0)?.instance_id;
  }

  /** The given replies whose end was requested, or that others have closed or removed (`gone`). */
  stopRequests(replies: readonly ReplyRef[]): Promise<{ messageId: string; gone: boolean }[]> {
    return this.db.query(
      `SELECT r.id AS "messageId", o.message_id IS NULL AS gone FROM ${REPLIES}
       LEFT JOIN open_replies o ON o.message_id = r.id AND o.user_id = r.user_id WHERE o.message_id IS NULL OR o.stop_requested`,
      valuesOf(replies),
    );
  }

  /** Ids of the given replies that are not being written any more: closed or gone. */
  async notOpen(replies: readonly ReplyRef[]): Promise<string[]> {
    const rows: { id: string }[] = await this.db.query(
      `SELECT r.id FROM ${REPLIES}
       WHERE NOT EXISTS (SELECT 1 FROM open_replies o WHERE o.message_id = r.id AND o.user_id = r.user_id)`,
      valuesOf(replies),
    );
    return rows.map(({ id }) => id);
  }
}
