import { Injectable } from '@nestjs/common';
import { In, Not } from 'typeorm';
import { TransactionRunner } from '../database/transaction-runner';
import { MessageEntity } from './message.entity';
import type { ReplyOutcome } from './message.types';

/** All that is stored of a reply when it ends. */
export type ReplyEnd = ReplyOutcome &
  Pick<MessageEntity, 'parts' | 'event_lengths' | 'tokens'> & {
    /** Who answered; absent: whoever was asked. */
    model?: string;
    provider?: string;
  };

/** What of an open reply may change from one look to the next. */
export type MessageState = Pick<MessageEntity, 'status' | 'instance_id'>;

/** What the row of a closed reply says that its end does not. */
export type ClosedRow = Pick<MessageEntity, 'id' | 'conversation_id' | 'user_id' | 'awaited'>;

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

  /** How a message stands, without what it holds. */
  async stateOf(userId: string, id: string): Promise<MessageState | undefined> {
    const rows: MessageState[] = await this.db.query(
      'SELECT status, instance_id FROM messages WHERE id = $1 AND user_id = $2',
      [id, userId],
    );
    return rows[0];
  }

  /** A message of a conversation that was read with its owner. */
  findIn(conversationId: string, id: string): Promise<MessageEntity | null> {
    return this.rows.findOneBy({ id, conversation_id: conversationId });
  }

  /** Undefined if the reply is no longer open: finished by somebody else, or gone with its conversation. */
  async closeReply(id: string, end: ReplyEnd): Promise<ClosedRow | undefined> {
    const rows: ClosedRow[] = await this.db.query(
      `UPDATE messages SET status = $2, parts = $3, event_lengths = $4, tokens = $5, usage = $6, finish_reason = $7, error = $8,
         attempts = $9, model = coalesce($10, model), provider = coalesce($11, provider), updated_at = $12, instance_id = NULL
       WHERE id = $1 AND status = 'streaming' RETURNING id, conversation_id, user_id, awaited`,
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
