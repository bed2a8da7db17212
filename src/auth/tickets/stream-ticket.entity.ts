import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

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

  /** What the ticket was got with: it is worth nothing once that has ended (`StreamTicketsService.redeem`). */
  @Column('uuid', { nullable: true })
  session_id!: string | null;

  @Column('uuid', { nullable: true })
  key_id!: string | null;

  /** When that credential ends by itself. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  identity_expires_at!: Date | null;

  @Column({ type: 'timestamptz', precision: 3 })
  expires_at!: Date;
}
