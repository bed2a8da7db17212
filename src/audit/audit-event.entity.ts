import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Something that matters to the safety of accounts has happened. Never holds what people write, nor any credential. */
@Entity('audit_events')
@Index('ix_audit_events_user', ['subject', 'created_at'])
@Index('ix_audit_events_actor', ['actor'], { where: 'actor IS NOT NULL' })
@Index('ix_audit_events_created_at', ['created_at'])
@Index('ix_audit_events_logins', ['subject', 'created_at'], { where: `action = 'login.succeeded'` })
export class AuditEventEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_audit_events' })
  id!: string;

  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;

  /** `login.succeeded`, `role.changed` … */
  @Column('varchar', { length: 64 })
  action!: string;

  /** The user whom it is about. Not a reference: it outlives them, under another name. */
  @Column('varchar', { length: 160, nullable: true })
  subject!: string | null;

  /** The user who did it, if it was another one. */
  @Column('varchar', { length: 160, nullable: true })
  actor!: string | null;

  /** Of what it was done to: a key, a provider. */
  @Column('uuid', { nullable: true })
  target_id!: string | null;

  @Column('varchar', { length: 64, nullable: true })
  address!: string | null;

  @Column('varchar', { length: 128, nullable: true })
  request_id!: string | null;
}
