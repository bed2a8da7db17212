import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { UsageKind } from './usage.types';

/** Usage that no message has: of deleted replies, so that deletion does not give back tokens, and of titles. One row per day, model and kind. */
@Entity('past_usage')
export class PastUsageEntity {
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_past_usage' })
  user_id!: string;

  // The entity is named, not imported: a feature does not use another one's entity, and only the foreign key is needed.
  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_past_usage_user' })
  user?: object;

  /** Day in UTC. */
  @PrimaryColumn('date', { primaryKeyConstraintName: 'pk_past_usage' })
  day!: string;

  @PrimaryColumn('varchar', { length: 200, primaryKeyConstraintName: 'pk_past_usage' })
  model!: string;

  @PrimaryColumn('varchar', { length: 8, primaryKeyConstraintName: 'pk_past_usage', default: 'reply' })
  kind!: UsageKind;

  @Column('bigint')
  replies!: string;

  @Column('bigint')
  input_tokens!: string;

  @Column('bigint')
  output_tokens!: string;

  @Column('bigint')
  reasoning_tokens!: string;

  @Column('bigint')
  cached_input_tokens!: string;

  /** Part of `input_tokens` by models of the user's own, whose ids may equal those of the operator's models. */
  @Column('bigint', { default: 0 })
  own_input_tokens!: string;

  @Column('bigint', { default: 0 })
  own_output_tokens!: string;
}
