import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The events of one change, for the feed of its user. Its key is also the order in which the user's changes were committed. */
@Entity('user_events')
// Rows are stored in the order of their times, which suits BRIN.
@Index('ix_user_events_created_at', ['created_at'], { type: 'brin' })
// The index is on an expression, which only a migration can create: the conversation that the events of a change belong to.
@Index('ix_user_events_conversation', { synchronize: false })
export class UserEventEntity {
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_user_events' })
  user_id!: string;

  /** Number of the last of the events. Numbers are without gaps, as long as events are kept. */
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'pk_user_events' })
  seq!: string;

  @Column('json')
  events!: object[];

  /** Time by the database's clock. */
  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;
}
