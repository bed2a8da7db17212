import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The events of one change, for the feed of its user. Its key is also the order in which the user's changes were committed. */
@Entity('user_events')
// Rows are in the order of their times.
@Index('ix_user_events_created_at', ['created_at'], { type: 'brin' })
// Of an expression, which only a migration can make: the conversation that the events of a change are of.
@Index('ix_user_events_conversation', { synchronize: false })
export class UserEventEntity {
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_user_events' })
  user_id!: string;

  /** Of the last of the events. The numbers of events are without gaps, as long as they are kept. */
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'pk_user_events' })
  seq!: string;

  @Column('json')
  events!: object[];

  /** By the database's clock. */
  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;
}
