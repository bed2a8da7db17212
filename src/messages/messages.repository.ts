import { Injectable } from '@nestjs/common';
import { In, Not } from 'typeorm';
import { TransactionRunner } from '../database/transaction-runner';
import { MessageEntity } from './message.entity';
import type { ReplyOutcome } from './message.types';
import { messageBytes } from './message-bytes';

/** All that is stored of a reply when it ends. */
export type ReplyEnd = ReplyOutcome &
  Pick<MessageEntity, 'parts' | 'event_lengths' | 'tokens'> & {
    /** Who answered; absent: whoever was asked. */
    model?: string;
    provider?: string;
  };

/** What the row of a closed reply says that its end does not. */
export type ClosedRow = Pick<MessageEntity, 'id' | 'conversation_id' | 'user_id' | 'awaited'>;

/** One message; every query names the owner or a conversation that was read with its owner. */
@Injectable()
export class MessagesRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(MessageEntity);
  }

  /** None of a conversation that is being removed. */
  find(userId: string, id: string): Promise<MessageEntity | null> {
    return this.rows
      .createQueryBuilder('m')
      .where('m.id = :id AND m.user_id = :userId', { id, userId })
      .andWhere(
        'EXISTS (SELECT 1 FROM conversations c WHERE c.id = m.conversation_id AND c.deleted_at IS NULL)',
      )
      .getOne();
  }

  /** A message of a conversation that was read with its owner. */
  findIn(conversationId: string, id: string): Promise<MessageEntity | null> {
    return this.rows.findOneBy({ id, conversation_id: conversationId });
  }

  /**
   * Undefined if the reply is no longer open: finished by somebody else, or gone with its conversation. The conversation is locked
   * first, as by whoever begins a turn, queues a reply or deletes it.
   */
  async closeReply(id: string, end: ReplyEnd): Promise<ClosedRow | undefined> {
    const rows: ClosedRow[] = await this.db.query(
      `WITH conversation AS (
         SELECT c.id FROM messages m JOIN conversations c ON c.id = m.conversation_id
         WHERE m.id = $1 AND m.status = 'streaming' FOR NO KEY UPDATE OF c
       ), closed AS (
         UPDATE messages m SET status = $2, parts = $3, event_lengths = $4, tokens = $5, usage = $6, finish_reason = $7, error = $8,
           attempts = $9, model = coalesce($10, model), provider = coalesce($11, provider), updated_at = $12, instance_id = NULL
         FROM conversation WHERE m.id = $1 AND m.conversation_id = conversation.id AND m.status = 'streaming'
         RETURNING m.id, m.conversation_id, m.user_id, m.awaited, ${messageBytes('m')} AS bytes
       ), counted AS (
         UPDATE conversations c SET stored_bytes = c.stored_bytes + closed.bytes FROM closed WHERE c.id = closed.conversation_id
       )
       SELECT id, conversation_id, user_id, awaited FROM closed`,
      [
        id,
        end.status,
        JSON.stringify(end.parts),
        end.event_lengths,
        end.tokens,
        end.usage && JSON.stringify(end.usage),
        end.finish_reason,
        end.error && JSON.stringify(end.error),
        JSON.stringify(end.attempts),
        end.model,
        end.provider,
        new Date(),
      ],
    );
    return rows[0];
  }

  /** Asks whoever writes the reply to end it. */
  async requestStop(id: string): Promise<void> {
    await this.rows.update({ id, status: 'streaming' }, { stop_requested: true });
  }

  /** Of these replies, those that others want ended or have removed. */
  endedElsewhere(ids: string[]): Promise<{ id: string; gone: boolean }[]> {
    return this.db.query(
      `SELECT r.id, m.id IS NULL AS gone FROM unnest($1::uuid[]) AS r (id) LEFT JOIN messages m ON m.id = r.id
       WHERE m.id IS NULL OR m.stop_requested`,
      [ids],
    );
  }

  /** Of these replies, those that are not being written any more: closed or gone. */
  async notStreaming(ids: string[]): Promise<string[]> {
    const rows: { id: string }[] = await this.db.query(
      `SELECT r.id FROM unnest($1::uuid[]) AS r (id)
       WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = r.id AND m.status = 'streaming')`,
      [ids],
    );
    return rows.map(({ id }) => id);
  }

  openRepliesOf(instanceIds: string[]): Promise<MessageEntity[]> {
    return this.rows.findBy({ status: 'streaming', instance_id: In(instanceIds) });
  }

  /** The conversation's replies made after a sequence, in order. */
  repliesAfter(conversationId: string, sequence: number, limit: number): Promise<MessageEntity[]> {
    return this.rows
      .createQueryBuilder('m')
      .where(`m.conversation_id = :conversationId AND m.sequence > :sequence AND m.role = 'assistant'`, {
        conversationId,
        sequence,
      })
      .orderBy('m.sequence')
      .limit(limit)
      .getMany();
  }

  /** All of a conversation, in the order in which they were made. */
  listAll(conversationId: string, afterSequence: number, limit: number): Promise<MessageEntity[]> {
    return this.rows
      .createQueryBuilder('m')
      .where('m.conversation_id = :conversationId AND m.sequence > :afterSequence', {
        conversationId,
        afterSequence,
      })
      .orderBy('m.sequence')
      .limit(limit)
      .getMany();
  }

  runningReply(conversationId: string): Promise<MessageEntity | null> {
    return this.rows.findOneBy({ conversation_id: conversationId, status: 'streaming' });
  }

  /** The last one whose turn has come. */
  lastReply(conversationId: string): Promise<MessageEntity | null> {
    return this.rows.findOne({
      where: { conversation_id: conversationId, role: 'assistant', status: Not('queued') },
      order: { sequence: 'DESC' },
    });
  }
}
