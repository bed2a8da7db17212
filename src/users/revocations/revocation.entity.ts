import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Says to all processes that something which they may remember of this user no longer holds. Kept for minutes. */
@Entity('revocations')
@Index('ix_revocations_created_at', ['created_at'])
export class RevocationEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_revocations' })
  id!: string;

  /** `subjectOf` the user: no reference and no id, since the user may be gone. */
  @Column('varchar', { length: 128 })
  subject!: string;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  created_at!: Date;
}
