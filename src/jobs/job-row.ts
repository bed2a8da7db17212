import { JOB_BOUNDS } from '../config/bounds';
import { eventOfEach, type ToldEvents } from '../user-events/append-events';

/**
 * SQL that stores a job of a user in a statement of somebody else: `INSERT … SELECT … FROM`, so that it is there if and only if the rest is.
 * It tells `jobEvents('job.created', …)`. Whoever sends it calls `UserJobs.nudge` after the commit. Nothing is stored where the user has as many as they may.
 * @param from what follows `FROM`, with its WHERE; one row
 * @param id, user SQL for the ids
 * @param input SQL for the `input`, a jsonb
 */
export function storedJob(type: string, { id, user, input, from }: StoredJob): string {
  return `INSERT INTO user_jobs (id, user_id, type, state, input, created_at, updated_at)
     SELECT ${id}, ${user}, '${type}', 'queued', ${input}, now(), now() FROM ${from}
       AND (SELECT count(*) FROM (SELECT 1 FROM user_jobs o WHERE o.user_id = ${user} AND o.finished_at IS NULL
         LIMIT ${JOB_BOUNDS.openJobs.limit}) AS counted) < ${JOB_BOUNDS.openJobs.limit}
     RETURNING *`;
}

/** What feeds are told of jobs, which are rows of `user_jobs`. */
export function jobEvents(type: 'job.created' | 'job.updated', rows: string): ToldEvents {
  return eventOfEach(
    type,
    `json_build_object('job_id', j.id, 'type', j.type, 'state', j.state, 'input', j.input, 'progress', j.progress, 'error', j.error)`,
    `${rows} AS j`,
  );
}

interface StoredJob {
  id: string;
  user: string;
  input: string;
  from: string;
}
