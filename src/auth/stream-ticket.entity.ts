import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';

/** Lets a client that cannot set headers open one stream. The ticket itself is nowhere stored. */
@Entity('stream_tickets')
@Index('ix_stream_tickets_expires_at', ['expires_at'])
@Index('ix_stream_tickets_user_id', ['user_id'])
export class StreamTicketEntity {
  /** SHA-256 of the ticket. */
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'pk_stream_tickets' })
  token_hash!: Buffer;

  @Column('varchar', { length: 128 })
  user_id!: string;

  // Named, not imported: a feature does not reach into another one's entity, and only the foreign key is wanted.
  @ManyToOne('UserEntity', { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_stream_tickets_user' })
  user?: unknown;

  @Column({ type: 'timestamptz', precision: 3 })
  expires_at!: Date;
}
