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

  // The entity is named, not imported: a feature does not use another one's entity, and only the foreign key is needed.
  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_conversations_user' })
  user?: object;

  /** The client's own name for the conversation (`conversation-name.ts`); null without one, and while the conversation is removed. */
  @Column('varchar', { length: 128, nullable: true })
  key!: string | null;

  @Column('varchar', { length: 200, nullable: true })
  title!: string | null;

  /** Origin of the title: the first words of the first message (`auto`), which a model's title may replace, a `model`, or the `user`. */
  @Column('varchar', { length: 8, default: 'auto' })
  title_source!: TitleSource;

  /** Id of the job for the title: one, unless the title is cleared and needed again. Not a foreign key: jobs are deleted before conversations. */
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

  /** Number of the version, raised by each change of a field or the title; the `ETag`. */
  @Column('integer', { default: 1 })
  version!: number;

  /** Last message of the path that is shown and continued. */
  @Column('uuid', { nullable: true })
  active_leaf_id!: string | null;

  /** The highest `sequence` among the messages. */
  @Column('integer', { default: 0 })
  last_sequence!: number;

  /** Messages up to this sequence are no longer sent to the model. */
  @Column('integer', { default: 0 })
  context_from!: number;

  /** Messages from before the search existed are indexed down to this sequence; null: none yet. A job indexes the rest. */
  @Column('integer', { nullable: true })
  indexed_from!: number | null;

  /** Later messages are indexed up to this sequence (`IndexRefresh`); null: there were none. The end of a reply sets it to before the reply. */
  @Column('integer', { nullable: true })
  indexed_to!: number | null;

  /** Bytes of its texts (`conversation-bytes.ts`), updated by each transaction that changes them and checked by `admin recount`. */
  @Column('bigint', { default: 0 })
  stored_bytes!: string;

  @Column('integer', { default: 0 })
  message_count!: number;

  /** True if a reply has ended since the user last read or wrote in the conversation. */
  @Column('boolean', { default: false })
  unread!: boolean;

  /** Sequences, by id, of the replies that were removed last: a feed that had read one continues with later replies. Null: none was removed. */
  @Column('jsonb', { nullable: true })
  removed_replies!: Record<string, number> | null;

  /** Time of its deletion, set while it is removed slice by slice: for clients it does not exist any more. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  deleted_at!: Date | null;

  @Column({ type: 'timestamptz', precision: 3 })
  last_activity_at!: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  updated_at!: Date;
}
