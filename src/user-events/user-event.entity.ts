import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** One change, for the feed of its user. Its key is also the order in which the user's changes were committed. */
@Entity('user_events')
@Index('ix_user_events_created_at', ['created_at'])
export class UserEventEntity {
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_user_events' })
  user_id!: string;

  /** Without gaps, as long as the events are kept. */
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'pk_user_events' })
  seq!: string;

  @Column('varchar', { length: 32 })
  type!: string;

  @Column('jsonb')
  data!: object;

  /** By the database's clock. */
  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;
}
