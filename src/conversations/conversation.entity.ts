import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { ModelSettings } from '../config/models-config';
import type { TitleSource } from './conversation.types';

@Entity('conversations')
@Index('ix_conversations_pinned_list', ['user_id', 'archived', 'pinned', 'last_activity_at', 'id'])
@Index('uq_conversations_key', ['user_id', 'key'], { unique: true, where: 'key IS NOT NULL' })
@Index('ix_conversations_unindexed', ['id'], { where: 'indexed_from IS NULL OR indexed_from > 0' })
@Index('ix_conversations_to_index', ['user_id'], { where: 'indexed_to < last_sequence' })
@Index('ix_conversations_deleted', ['deleted_at'], { where: 'deleted_at IS NOT NULL' })
@Check('ck_conversations_sequence', 'last_sequence >= 0 AND context_from >= 0')
export class ConversationEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_conversations' })
  id!: string;

  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_conversations' })
  user_id!: string;

  // Named, not imported: a feature does not reach into another one's entity, and only the foreign key is wanted.
  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_conversations_user' })
  user?: object;

  /** The client's own name for it (`conversation-name.ts`); null without one, and while it is removed. */
  @Column('varchar', { length: 128, nullable: true })
  key!: string | null;

  @Column('varchar', { length: 200, nullable: true })
  title!: string | null;

  /** Whose it is: the first words of what was said (`auto`), which a model's may replace, or a person's. */
  @Column('varchar', { length: 8, default: 'auto' })
  title_source!: TitleSource;

  /** The job that was to name it: there is one in its life. Not a reference: jobs go before conversations. */
  @Column('uuid', { nullable: true })
  title_job_id!: string | null;

  @Column('varchar', { length: 200, nullable: true })
  model!: string | null;

  @Column('text', { nullable: true })
  system_prompt!: string | null;

  @Column('jsonb', { default: {} })
  settings!: ModelSettings;

  @Column('jsonb', { default: {} })
  metadata!: Record<string, string>;

  @Column('boolean', { default: false })
  pinned!: boolean;

  @Column('boolean', { default: false })
  archived!: boolean;

  /** Counts the changes a client makes; the `ETag`. */
  @Column('integer', { default: 1 })
  version!: number;

  /** The last message of the branch that is shown and continued. */
  @Column('uuid', { nullable: true })
  active_leaf_id!: string | null;

  /** The highest `sequence` among the messages. */
  @Column('integer', { default: 0 })
  last_sequence!: number;

  /** Messages up to this sequence are no longer sent to the model. */
  @Column('integer', { default: 0 })
  context_from!: number;

  /** What was stored before there was search is indexed down to this sequence; null: nothing yet. A job indexes the rest. */
  @Column('integer', { nullable: true })
  indexed_from!: number | null;

  /** Later messages are indexed up to this sequence (`IndexRefresh`); null: there have been none. The end of a reply sets it back to before the reply. */
  @Column('integer', { nullable: true })
  indexed_to!: number | null;

  /** Of the texts in it (`conversation-bytes.ts`); kept by each transaction that changes them, proved by `admin recount`. */
  @Column('bigint', { default: 0 })
  stored_bytes!: string;

  @Column('integer', { default: 0 })
  message_count!: number;

  /** A reply has ended since the user last read or wrote in it. */
  @Column('boolean', { default: false })
  unread!: boolean;

  /** Sequences, by id, of the replies that were removed last: a feed that had read one goes on with those after it. Null: none was. */
  @Column('jsonb', { nullable: true })
  removed_replies!: Record<string, number> | null;

  /** Set while it is removed piece by piece; it does not exist any more for anybody. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  deleted_at!: Date | null;

  @Column({ type: 'timestamptz', precision: 3 })
  last_activity_at!: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  updated_at!: Date;
}
