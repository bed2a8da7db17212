import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ApiId, EXAMPLE_IDS } from '../../http/openapi/api-properties';
import { ApiType } from './event-type';

export class JobProgress {
  @ApiProperty({ type: 'integer', minimum: 0, example: 12, description: 'How much is done.' })
  done: number;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    example: 40,
    description: 'Of how much; null if that is not known yet.',
  })
  total: number | null;
}

export class JobError {
  @ApiProperty({ example: 'provider_timeout', description: 'A stable word for what went wrong.' })
  code: string;

  @ApiProperty({ example: 'The model did not answer in time.', description: 'The same for people.' })
  message: string;
}

class JobEventData {
  @ApiId('job', { description: 'The job.' })
  job_id: string;

  @ApiProperty({ type: 'string', example: 'title', description: 'What kind of work it is.' })
  type: string;

  @ApiProperty({
    type: 'string',
    enum: ['queued', 'running', 'completed', 'failed', 'cancelled'],
    example: 'running',
    description: 'Its state now.',
  })
  state: string;

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
    description: 'Why its last attempt failed.',
  })
  error: JobError | null;
}

@ApiSchema({ description: 'A job is there, and waits for its turn.' })
export class JobCreatedEvent {
  @ApiType('job.created')
  type: 'job.created';

  @ApiProperty({ type: JobEventData, description: 'The job.' })
  data: JobEventData;
}

@ApiSchema({ description: 'A job has begun, come further, ended, or is to be tried again.' })
export class JobUpdatedEvent {
  @ApiType('job.updated')
  type: 'job.updated';

  @ApiProperty({ type: JobEventData, description: 'The job.' })
  data: JobEventData;
}
