import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';

/** Some thousand entries of a user that were stored one after the other: higher numbers are newer. What is common is looked for in the newest ones first. */
@Entity('search_segments')
export class SearchSegmentEntity {
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_search_segments' })
  user_id!: string;

  // Named, not imported: only the foreign key is wanted.
  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_search_segments_user' })
  user?: object;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'pk_search_segments' })
  segment!: number;

  /** When its first entry was stored; what is in older segments is not newer, but for the clocks of processes. */
  @Column({ type: 'timestamptz', precision: 3 })
  opened_at!: Date;

  /** `created_at` of its oldest entry. */
  @Column({ type: 'timestamptz', precision: 3 })
  from_at!: Date;

  /** `created_at` of its newest entry, where it was filled by the job that indexes what was there before (`search-backfill.ts`). */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  to_at!: Date | null;

  /** How many entries that job has put into it. */
  @Column('integer', { default: 0 })
  entries!: number;
}
