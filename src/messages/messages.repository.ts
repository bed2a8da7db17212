import { Injectable } from '@nestjs/common';
import { Not } from 'typeorm';
import { TransactionRunner } from '../database/transaction-runner';
import { MessageEntity } from './message.entity';
import type { ReplyOutcome, WrittenReply } from './message.types';

/** All that is stored of a reply when it ends. */
export type ReplyEnd = ReplyOutcome &
  Pick<MessageEntity, 'parts' | 'event_lengths' | 'tokens'> & {
    /** Who answered; absent: whoever was asked. */
    model?: string;
    provider?: string;
  };

/** What the row of a closed reply says that its end does not. */
export type ClosedRow = Pick<MessageEntity, 'id' | 'conversation_id' | 'user_id'> & { awaited: boolean };

/** A message without what it says and how it came to be, which may be long. */
export type MessageHeader = Pick<
  MessageEntity,
  'id' | 'conversation_id' | 'user_id' | 'parent_id' | 'sequence' | 'role' | 'status' | 'model'
>;

const HEADER = 'id, conversation_id, user_id, parent_id, sequence, role, status, model';

/** One message; every query names the owner or a conversation that was read with its owner. */
@Injectable()
export class MessagesRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(MessageEntity);
  }

  find(userId: string, id: string): Promise<MessageEntity | null> {
    return this.rows.findOneBy({ id, user_id: userId });
  }

  async header(userId: string, id: string): Promise<MessageHeader | undefined> {
    const rows: MessageHeader[] = await this.db.query(
      `SELECT ${HEADER} FROM messages WHERE id = $1 AND user_id = $2`,
      [id, userId],
    );
    return rows.at(0);
  }

  /** A message of a conversation that was read with its owner. */
  findIn(conversationId: string, id: string): Promise<MessageEntity | null> {
    return this.rows.findOneBy({ id, conversation_id: conversationId });
  }

  /**
   * Ends a reply that this registration of a process writes. Undefined if it does not any more: closed by somebody else, or gone
   * with its conversation.
   */
  async closeReply(
    { message_id, user_id, instance_id }: WrittenReply,
    end: ReplyEnd,
  ): Promise<ClosedRow | undefined> {
    const rows: ClosedRow[] = await this.db.query(
      `WITH closed AS (
         DELETE FROM open_replies WHERE message_id = $1 AND user_id = $13 AND instance_id = $14 RETURNING awaited
       )
       UPDATE messages SET status = $2, parts = $3, event_lengths = $4, tokens = $5, usage = $6, finish_reason = $7, error = $8,
         attempts = $9, model = coalesce($10, model), provider = coalesce($11, provider), updated_at = $12
       FROM closed WHERE id = $1 AND user_id = $13 RETURNING id, conversation_id, user_id, awaited`,
      [
        message_id,
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
        user_id,
        instance_id,
      ],
    );
    return rows[0];
  }

  /** The conversation's replies made after a sequence, in order. */
  repliesAfter(conversationId: string, sequence: number, limit: number): Promise<MessageHeader[]> {
    return this.db.query(
      `SELECT ${HEADER} FROM messages WHERE conversation_id = $1 AND sequence > $2 AND role = 'assistant'
       ORDER BY sequence LIMIT $3`,
      [conversationId, sequence, limit],
    );
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

  async runningReply(conversationId: string): Promise<MessageEntity | undefined> {
    const rows: MessageEntity[] = await this.db.query(
      `SELECT m.* FROM open_replies o JOIN messages m ON m.id = o.message_id WHERE o.conversation_id = $1`,
      [conversationId],
    );
    return rows[0];
  }

  /** The last one whose turn has come. */
  lastReply(conversationId: string): Promise<MessageEntity | null> {
    return this.rows.findOne({
      where: { conversation_id: conversationId, role: 'assistant', status: Not('queued') },
      order: { sequence: 'DESC' },
    });
  }
}
