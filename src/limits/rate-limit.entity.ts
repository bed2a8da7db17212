import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** How much of a limit is used up, by all instances together. */
@Entity('rate_limits')
@Index('ix_rate_limits_window_ends', ['window_ends'])
export class RateLimitEntity {
  /** A digest of the policy and of whom it limits. */
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'pk_rate_limits' })
  key!: Buffer;

  /** Handed out to instances, whether they have spent it or not. */
  @Column('integer')
  used!: number;

  /** What was handed out last. */
  @Column('integer')
  granted!: number;

  @Column({ type: 'timestamptz', precision: 3 })
  window_ends!: Date;
}
