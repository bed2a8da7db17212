import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';

/** The number of a user's last event. Whoever appends an event changes it last in the transaction, so that numbers are committed in their order. */
@Entity('user_event_heads')
export class UserEventHeadEntity {
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_user_event_heads' })
  user_id!: string;

  // Named, not imported: only the foreign key is wanted.
  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_user_event_heads_user' })
  user?: object;

  @Column('bigint')
  seq!: string;

  /** Until when events are kept, and not only counted: for some hours after somebody followed the user. By the database's clock. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  followed_until!: Date | null;
}
