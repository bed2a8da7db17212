import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';

export const JOB_STATES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** How far a job is, in units of its own. */
export interface JobProgress {
  done: number;
  total: number | null;
}

/** Why the last attempt at a job failed. */
export interface JobError {
  code: string;
  message: string;
}

/** A job as its user sees it. The queue only names it (`JobQueue`); what is to be done, and what came of it, is here. */
@Entity('user_jobs')
@Index('ix_user_jobs_list', ['user_id', 'created_at', 'id'])
@Index('ix_user_jobs_all', ['created_at', 'id'])
@Index('ix_user_jobs_open', ['user_id', 'updated_at'], { where: 'finished_at IS NULL' })
@Index('ix_user_jobs_finished', ['finished_at'], { where: 'finished_at IS NOT NULL' })
@Check('ck_user_jobs_state', `state IN ('queued', 'running', 'completed', 'failed', 'cancelled')`)
export class UserJobEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_user_jobs' })
  id!: string;

  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_user_jobs' })
  user_id!: string;

  // Named, not imported: a feature does not reach into another one's entity, and only the foreign key is wanted.
  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_user_jobs_user' })
  user?: object;

  @Column('varchar', { length: 64 })
  type!: string;

  @Column('varchar', { length: 16 })
  state!: JobState;

  /** Names what the job is about, by ids; never what people write. */
  @Column('jsonb', { default: {} })
  input!: Record<string, string>;

  @Column('jsonb', { nullable: true })
  progress!: JobProgress | null;

  @Column('jsonb', { nullable: true })
  error!: JobError | null;

  /** How often it was begun. Also tells a run apart from one that has taken over. */
  @Column('integer', { default: 0 })
  attempts!: number;

  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  started_at!: Date | null;

  /** Completed, failed or cancelled. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  finished_at!: Date | null;

  @Column({ type: 'timestamptz', precision: 3 })
  updated_at!: Date;
}
