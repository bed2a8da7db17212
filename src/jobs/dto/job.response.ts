import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ApiId, ApiTime, EXAMPLE_IDS, EXAMPLE_TIME } from '../../http/openapi/api-properties';
import { JobError, JobProgress } from '../../user-events/dto/job-events.dto';
import { JOB_STATES, type JobState } from '../user-job.entity';
import type { UserJob } from '../user-jobs.repository';

@ApiSchema({ name: 'Job', description: 'Work that is done in the background.' })
export class JobResponse {
  @ApiId('job', { description: 'The id of the job.' })
  id: string;

  @ApiProperty({ example: 'alice', description: 'Whose job it is.' })
  user_id: string;

  @ApiProperty({ example: 'title', description: 'What kind of work it is.' })
  type: string;

  @ApiProperty({
    enum: JOB_STATES,
    enumName: 'JobState',
    example: 'completed',
    description: '`completed`, `failed` and `cancelled` are the end, unless it is tried again.',
  })
  state: JobState;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { conversation_id: EXAMPLE_IDS.conversation },
    description: 'What it is about.',
  })
  input: Record<string, string>;

  @ApiProperty({
    type: JobProgress,
    nullable: true,
    description: 'How far it is; null if it does not say.',
  })
  progress: JobProgress | null;

  @ApiProperty({
    type: JobError,
    nullable: true,
    description: 'Why its last attempt failed. A queued one is tried again.',
  })
  error: JobError | null;

  @ApiProperty({ type: 'integer', minimum: 0, example: 1, description: 'How often it was begun.' })
  attempts: number;

  @ApiTime('When it was made.')
  created_at: Date;

  @ApiProperty({
    type: 'string',
    format: 'date-time',
    nullable: true,
    example: EXAMPLE_TIME,
    description: 'When its last attempt began.',
  })
  started_at: Date | null;

  @ApiProperty({
    type: 'string',
    format: 'date-time',
    nullable: true,
    example: EXAMPLE_TIME,
    description: 'When it ended.',
  })
  finished_at: Date | null;

  @ApiTime('When it last changed.')
  updated_at: Date;
}

export function toJobResponse(job: UserJob): JobResponse {
  const { id, user_id, type, state, input, progress, error, attempts } = job;
  const { created_at, started_at, finished_at, updated_at } = job;
  return {
    id,
    user_id,
    type,
    state,
    input,
    progress: progress && { done: progress.done, total: progress.total },
    error: error && { code: error.code, message: error.message },
    attempts,
    created_at,
    started_at,
    finished_at,
    updated_at,
  };
}
