import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';

/** Number of a user's last event. A transaction that appends events changes it last, so that numbers are committed in their order. */
@Entity('user_event_heads')
export class UserEventHeadEntity {
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_user_event_heads' })
  user_id!: string;

  // The entity is named, not imported: only the foreign key is needed.
  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_user_event_heads_user' })
  user?: object;

  @Column('bigint')
  seq!: string;

  /** Time until which events are kept, and not only counted: some hours after a feed last followed the user. By the database's clock. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  followed_until!: Date | null;
}
