import { Injectable } from '@nestjs/common';
import { JOB_BOUNDS } from '../config/bounds';
import { deleteSlice } from '../database/delete-slice';
import { TransactionRunner } from '../database/transaction-runner';
import { appendingEvents, trimmingEvents } from '../user-events/append-events';
import { UserEvents } from '../user-events/user-events';
import { jobEvents, storedJob } from './job-row';
import { UserJobEntity, type JobError, type JobProgress, type JobState } from './user-job.entity';

export type UserJob = Omit<UserJobEntity, 'user'>;

/** A job of a user. */
export interface JobRef {
  id: string;
  userId: string;
}

export interface JobFilter {
  /** Whose; undefined: everybody's, for administrators. */
  userId?: string;
  state?: JobState;
  type?: string;
}

/** Where a page of a list begins: after this job. */
export interface JobPosition {
  created_at: string;
  id: string;
}

const FINISHED_DAYS = JOB_BOUNDS.finishedJobs.limit / (24 * 3600_000);
/** What was stored and not enqueued has nobody who will enqueue it, after this time. */
const UNCLAIMED_S = 120;

@Injectable()
export class UserJobsRepository {
  constructor(
    private readonly db: TransactionRunner,
    private readonly events: UserEvents,
  ) {}

  private get rows() {
    return this.db.manager.getRepository(UserJobEntity);
  }

  /** False where the user has too many. */
  async insert({ id, userId }: JobRef, type: string, input: Record<string, string>): Promise<boolean> {
    const stored = storedJob(type, {
      id: '$1::uuid',
      user: '$2::varchar',
      input: '$3::jsonb',
      from: '(SELECT 1) AS one WHERE true',
    });
    return !!(await this.change('job.created', stored, [id, userId, JSON.stringify(input)]));
  }

  find(id: string, userId: string | undefined): Promise<UserJob | null> {
    return this.rows.findOneBy({ id, ...(userId !== undefined && { user_id: userId }) });
  }

  /** Newest first. */
  list(filter: JobFilter, after: JobPosition | undefined, limit: number): Promise<UserJob[]> {
    const query = this.rows
      .createQueryBuilder('j')
      .orderBy('j.created_at', 'DESC')
      .addOrderBy('j.id', 'DESC');
    if (filter.userId !== undefined) query.andWhere('j.user_id = :userId', { userId: filter.userId });
    if (filter.state) query.andWhere('j.state = :state', { state: filter.state });
    if (filter.type) query.andWhere('j.type = :type', { type: filter.type });
    if (after) query.andWhere('(j.created_at, j.id) < (:created_at, :id)', after);
    return query.limit(limit).getMany();
  }

  /** In the order of the ids, which are made of the time. */
  listAll(userId: string, afterId: string | undefined, limit: number): Promise<UserJob[]> {
    const query = this.rows.createQueryBuilder('j').where('j.user_id = :userId', { userId });
    if (afterId) query.andWhere('j.id > :afterId', { afterId });
    return query.orderBy('j.id').limit(limit).getMany();
  }

  /** A run begins; undefined if there is nothing to run any more. Of a run that was cut off another one takes its place. */
  begin({ id, userId }: JobRef): Promise<UserJob | undefined> {
    return this.change(
      'job.updated',
      `UPDATE user_jobs SET state = 'running', attempts = attempts + 1, error = NULL, progress = NULL,
         started_at = now(), updated_at = now()
       WHERE id = $1 AND user_id = $2 AND state IN ('queued', 'running') RETURNING *`,
      [id, userId],
    );
  }

  /** Ends a run; false if it was cancelled, or another run has taken its place. */
  async end(
    { id, user_id, attempts }: UserJob,
    state: 'completed' | 'failed' | 'queued',
    error: JobError | null,
  ): Promise<boolean> {
    const job = await this.change(
      'job.updated',
      `UPDATE user_jobs SET state = $4::varchar, error = $5, updated_at = now(),
         finished_at = CASE WHEN $4::varchar = 'queued' THEN NULL ELSE now() END
       WHERE id = $1 AND user_id = $2 AND attempts = $3 AND state = 'running' RETURNING *`,
      [id, user_id, attempts, state, error && JSON.stringify(error)],
    );
    return job !== undefined;
  }

  /** Of a run; false as above. */
  async progress({ id, user_id, attempts }: UserJob, progress: JobProgress): Promise<boolean> {
    const job = await this.change(
      'job.updated',
      `UPDATE user_jobs SET progress = $4, updated_at = now()
       WHERE id = $1 AND user_id = $2 AND attempts = $3 AND state = 'running' RETURNING *`,
      [id, user_id, attempts, JSON.stringify(progress)],
    );
    return job !== undefined;
  }

  /** Nobody will try it any more; without effect on one that was enqueued again since the queue has given it up. */
  async giveUp({ id, userId }: JobRef, error: JobError): Promise<void> {
    await this.change(
      'job.updated',
      `UPDATE user_jobs SET state = 'failed', error = coalesce(error, $3::jsonb), finished_at = now(), updated_at = now()
       WHERE id = $1 AND user_id = $2 AND state IN ('queued', 'running') AND NOT EXISTS (
         SELECT 1 FROM jobs.job_common AS q
         WHERE q.name = user_jobs.type AND q.singleton_key = $1::text AND q.state <= 'active'
       ) RETURNING *`,
      [id, userId, JSON.stringify(error)],
    );
  }

  cancel({ id, userId }: JobRef): Promise<UserJob | undefined> {
    return this.change(
      'job.updated',
      `UPDATE user_jobs SET state = 'cancelled', finished_at = now(), updated_at = now()
       WHERE id = $1 AND user_id = $2 AND state IN ('queued', 'running') RETURNING *`,
      [id, userId],
    );
  }

  retry({ id, userId }: JobRef): Promise<UserJob | undefined> {
    return this.change(
      'job.updated',
      `UPDATE user_jobs SET state = 'queued', error = NULL, progress = NULL, finished_at = NULL, updated_at = now()
       WHERE id = $1 AND user_id = $2 AND state IN ('failed', 'cancelled') RETURNING *`,
      [id, userId],
    );
  }

  /**
   * Sends a statement that changes a job, and tells the feeds of its user: the last thing that the transaction locks (`UserEvents.append`).
   * @param sql answers the whole row; `$2` is the user
   */
  private async change(
    event: 'job.created' | 'job.updated',
    sql: string,
    parameters: [id: string, userId: string, ...more: unknown[]],
  ): Promise<UserJob | undefined> {
    const rows = await this.db.query<UserJob>(
      `WITH changed AS (${sql}), ${appendingEvents('$2', jobEvents(event, 'changed'))}, ${trimmingEvents('$2')} SELECT * FROM changed`,
      parameters,
    );
    if (rows.length) this.events.announce(parameters[1]);
    return rows[0];
  }

  /** Jobs that wait for longer than it takes to enqueue them: whoever stored them may have died before that. */
  unclaimed(limit: number): Promise<{ id: string; user_id: string; type: string }[]> {
    return this.db.query(
      `SELECT id, user_id, type FROM user_jobs
       WHERE finished_at IS NULL AND state = 'queued' AND updated_at < now() - make_interval(secs => ${UNCLAIMED_S}) LIMIT $1`,
      [limit],
    );
  }

  /** Jobs that are over for so long that nobody asks for them; at most `limit`, answers how many. */
  deleteFinished(limit: number): Promise<number> {
    const where = 'finished_at < now() - make_interval(days => $1) ORDER BY finished_at';
    return deleteSlice(this.db, { table: 'user_jobs', key: 'id', where, parameters: [FINISHED_DAYS], limit });
  }

  /** Of a user who is being erased, at most `limit`, and last what the queue knows of them; answers how many. */
  async erase(userId: string, limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM user_jobs WHERE user_id = $1 AND id IN (
         SELECT id FROM user_jobs WHERE user_id = $1 LIMIT $2
       ) RETURNING 1 AS one`,
      [userId, limit],
    );
    if (rows.length < limit)
      await this.db.query(`DELETE FROM jobs.job_common WHERE data->'data'->>'user_id' = $1`, [userId]);
    return rows.length;
  }
}
