import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { MessagePart } from './content/parts';
import type {
  MessageAttempt,
  MessageError,
  MessageRole,
  MessageStatus,
  QueuedRequest,
  StartPlaces,
  StoredUsage,
} from './message.types';

/**
 * A node of a conversation's tree. Its line of descent is stored as branches: a first child continues its parent's branch,
 * any further child starts one of its own, so that a path is a few ranges of depth and a page of it costs the same
 * wherever it lies and however long the conversation is.
 */
@Entity('messages')
@Index('uq_messages_sequence', ['conversation_id', 'sequence', 'user_id'], { unique: true })
@Index('uq_messages_depth', ['branch_id', 'depth', 'user_id'], { unique: true })
@Index('ix_messages_usage', ['user_id', 'created_at'], { where: `role = 'assistant'` })
@Index('ix_messages_queued', ['conversation_id', 'sequence'], {
  where: `jsonb_typeof(queued_request) = 'object'`,
})
@Index('ix_messages_active_child', ['branch_id', 'depth'], { where: 'active_child_id IS NOT NULL' })
@Index('ix_messages_siblings', ['conversation_id', 'parent_id'])
@Check('ck_messages_role', `role IN ('user', 'assistant', 'system', 'tool')`)
@Check(
  'ck_messages_status',
  `status IN ('queued', 'streaming', 'completed', 'stopped', 'failed', 'interrupted')`,
)
@Check('ck_messages_only_replies_stream', `role = 'assistant' OR status = 'completed'`)
@Check('ck_messages_queued_has_request', `(status = 'queued') = (queued_request IS NOT NULL)`)
export class MessageEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_messages' })
  id!: string;

  @Column('uuid')
  conversation_id!: string;

  @ManyToOne('ConversationEntity', { nullable: false })
  @JoinColumn([
    {
      name: 'conversation_id',
      referencedColumnName: 'id',
      foreignKeyConstraintName: 'fk_messages_conversation',
    },
    { name: 'user_id', referencedColumnName: 'user_id' },
  ])
  conversation?: object;

  /** The conversation's owner, so that each query can name it. */
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_messages' })
  user_id!: string;

  /** Parent in the tree: a message of the same conversation, set while that is locked. Children are removed before their parent. */
  @Column('uuid', { nullable: true })
  parent_id!: string | null;

  /** The id of the branch's first message. */
  @Column('uuid')
  branch_id!: string;

  /** 1 for a first message, else the parent's plus 1. */
  @Column('integer')
  depth!: number;

  /** Child that the active path went through when it last left this message (`active-path.ts`); null: the first child, if there is one. */
  @Column('uuid', { nullable: true })
  active_child_id!: string | null;

  /** The order in which the conversation's messages were made. */
  @Column('integer')
  sequence!: number;

  @Column('varchar', { length: 16 })
  role!: MessageRole;

  @Column('varchar', { length: 16 })
  status!: MessageStatus;

  @Column('jsonb', { default: [] })
  parts!: MessagePart[];

  /** Lengths of a reply's chunk and reasoning events (`content/event-lengths.ts`), from which its log is rebuilt at any time. */
  @Column('bytea', { nullable: true })
  event_lengths!: Buffer | null;

  /** Tokens of the text, for cutting the context. */
  @Column('integer', { default: 0 })
  tokens!: number;

  @Column('varchar', { length: 200, nullable: true })
  model!: string | null;

  @Column('varchar', { length: 200, nullable: true })
  provider!: string | null;

  @Column('jsonb', { nullable: true })
  usage!: StoredUsage | null;

  /** Tokens that were set aside for an open reply, if there are quotas (`usage/quotas.ts`). */
  @Column('integer', { nullable: true })
  reserved_tokens!: number | null;

  @Column('varchar', { length: 32, nullable: true })
  finish_reason!: string | null;

  @Column('jsonb', { nullable: true })
  error!: MessageError | null;

  @Column('jsonb', { default: [] })
  attempts!: MessageAttempt[];

  /** Places of a reply and of its user message among their versions when the reply was made (`StartPlaces`); null in others and in old replies. */
  @Column('integer', { array: true, nullable: true })
  start_places!: StartPlaces | null;

  @Column('jsonb', { nullable: true })
  queued_request!: QueuedRequest | null;

  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  updated_at!: Date;
}
