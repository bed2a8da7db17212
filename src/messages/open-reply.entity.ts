import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { MessagePart } from './content/parts';

/**
 * A reply that is being written: there is a row exactly while its message is `streaming`. Values that change while it runs are here and
 * not in `messages`, so that a turn leaves the indexes of the large table alone. Each turn writes and deletes a row, so there is no
 * index but the two keys: a query for the replies of a process reads the whole table, which is small. Locks are taken in this order:
 * the conversation (where a reply is begun or closed), the journal's fence, `open_replies`, `messages`.
 */
@Entity('open_replies')
@Index('uq_open_replies_conversation', ['user_id', 'conversation_id'], { unique: true })
export class OpenReplyEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_open_replies' })
  message_id!: string;

  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_open_replies' })
  user_id!: string;

  @ManyToOne('MessageEntity', { onDelete: 'CASCADE', nullable: false })
  @JoinColumn([
    { name: 'message_id', referencedColumnName: 'id', foreignKeyConstraintName: 'fk_open_replies_message' },
    { name: 'user_id', referencedColumnName: 'user_id' },
  ])
  message?: object;

  @Column('uuid')
  conversation_id!: string;

  /**
   * Registration of the process that writes the reply (`instances`). Not a foreign key: a process that is gone leaves its rows behind,
   * and another process that finds them closes the replies.
   */
  @Column('uuid')
  instance_id!: string;

  /** First batch of the process's journal that may hold events that the checkpoint below lacks. */
  @Column('integer')
  first_batch!: number;

  /** True if the reply is to end; the process that writes it looks for this. */
  @Column('boolean', { default: false })
  stop_requested!: boolean;

  /** True if a queued reply waits for the end of this one. */
  @Column('boolean', { default: false })
  awaited!: boolean;

  /** Parts at the last checkpoint, from which recovery and readers in other processes begin; null before the first one. */
  @Column('jsonb', { nullable: true })
  parts!: MessagePart[] | null;

  /** Lengths of the checkpoint's events (`content/event-lengths.ts`). */
  @Column('bytea', { nullable: true })
  event_lengths!: Buffer | null;
}
