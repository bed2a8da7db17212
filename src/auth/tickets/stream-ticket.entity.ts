import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';

/** Lets a client that cannot set headers open one stream. The ticket itself is nowhere stored. */
@Entity('stream_tickets')
@Index('ix_stream_tickets_expires_at', ['expires_at'])
@Index('ix_stream_tickets_user_id', ['user_id'])
@Index('ix_stream_tickets_session_id', ['session_id'], { where: 'session_id IS NOT NULL' })
@Index('ix_stream_tickets_key_id', ['key_id'], { where: 'key_id IS NOT NULL' })
export class StreamTicketEntity {
  /** SHA-256 of the ticket. */
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'pk_stream_tickets' })
  token_hash!: Buffer;

  @Column('varchar', { length: 128 })
  user_id!: string;

  // Named, not imported: a feature does not reach into another one's entity, and only the foreign key is wanted.
  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_stream_tickets_user' })
  user?: object;

  /** What the ticket was got with, and ends with. */
  @Column('uuid', { nullable: true })
  session_id!: string | null;

  @ManyToOne('SessionEntity', { onDelete: 'CASCADE', nullable: true })
  @JoinColumn({ name: 'session_id', foreignKeyConstraintName: 'fk_stream_tickets_session' })
  session?: object;

  @Column('uuid', { nullable: true })
  key_id!: string | null;

  @ManyToOne('ApiKeyEntity', { onDelete: 'CASCADE', nullable: true })
  @JoinColumn({ name: 'key_id', foreignKeyConstraintName: 'fk_stream_tickets_key' })
  key?: object;

  /** When that credential ends by itself. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  identity_expires_at!: Date | null;

  @Column({ type: 'timestamptz', precision: 3 })
  expires_at!: Date;
}
