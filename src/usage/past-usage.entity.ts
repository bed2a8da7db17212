import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { UsageKind } from './usage.types';

/** What was used by what is no message: replies that are gone with their conversations, so that deleting them gives nobody new tokens, and titles. */
@Entity('past_usage')
export class PastUsageEntity {
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_past_usage' })
  user_id!: string;

  // Named, not imported: a feature does not reach into another one's entity, and only the foreign key is wanted.
  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_past_usage_user' })
  user?: object;

  /** In UTC. */
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

  /** Of `input_tokens`: of models of the user's own, which have the ids of the operator's or any other. */
  @Column('bigint', { default: 0 })
  own_input_tokens!: string;

  @Column('bigint', { default: 0 })
  own_output_tokens!: string;
}
