import { Controller, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentIdentity } from '../auth/current-user.decorator';
import type { Identity } from '../auth/identity';
import { RequiresScope } from '../auth/route-rules.decorator';
import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import { listPage } from '../http/list-page';
import type { Page } from '../http/page';
import { PathId } from '../http/path-id.decorator';
import { ActionRoute, ListRoute, ReadRoute } from '../http/routes';
import { RateLimited } from '../limits/rate-limited.decorator';
import { JobResponse, toJobResponse } from './dto/job.response';
import { ListJobsQuery } from './dto/list-jobs.query';
import { jobFinished, jobNotEnded, jobNotFound, UserJobs } from './user-jobs.service';

const JobId = () => PathId({ example: EXAMPLE_IDS.job, description: 'The job.', notFound: jobNotFound });

/** Whose jobs the caller may see and change; undefined: everybody's, which is not for keys. */
function ownerOf({ role, userId, keyId }: Identity): string | undefined {
  return role === 'admin' && keyId === undefined ? undefined : userId;
}

@RequiresScope('jobs:read')
@ApiTags('jobs')
@Controller('jobs')
export class JobsController {
  constructor(private readonly jobs: UserJobs) {}

  @ListRoute('', JobResponse, {
    summary: 'List jobs',
    description: "Newest first. One's own; administrators, everybody's, but not with an API key.",
  })
  listJobs(@CurrentIdentity() identity: Identity, @Query() query: ListJobsQuery): Promise<Page<JobResponse>> {
    const { state, type } = query;
    const filter = { userId: ownerOf(identity), ...(state && { state }), ...(type && { type }) };
    return listPage(
      { userId: identity.userId, list: `jobs ${JSON.stringify(filter)}`, by: 'created_at' },
      query,
      (after, limit) => this.jobs.list(filter, after, limit),
      toJobResponse,
    );
  }

  @ReadRoute(':id', {
    summary: 'Read a job',
    returns: { type: JobResponse, description: 'The job.' },
    problems: [jobNotFound],
  })
  async getJob(@CurrentIdentity() identity: Identity, @JobId() id: string): Promise<JobResponse> {
    return toJobResponse(await this.jobs.get(id, ownerOf(identity)));
  }

  @RequiresScope('jobs:write')
  // It may ask a model, as a turn does.
  @RateLimited('chat')
  @ActionRoute(':id/retry', {
    summary: 'Try a job again',
    description: 'One that has failed or was cancelled.',
    returns: { type: JobResponse, description: 'The job, which is queued.' },
    problems: [jobNotFound, jobNotEnded],
  })
  async retryJob(@CurrentIdentity() identity: Identity, @JobId() id: string): Promise<JobResponse> {
    return toJobResponse(await this.jobs.retry(id, ownerOf(identity)));
  }

  @RequiresScope('jobs:write')
  @ActionRoute(':id/cancel', {
    summary: 'Cancel a job',
    description: 'One that waits or runs. Again it changes nothing.',
    returns: { type: JobResponse, description: 'The job, which is cancelled.' },
    problems: [jobNotFound, jobFinished],
  })
  async cancelJob(@CurrentIdentity() identity: Identity, @JobId() id: string): Promise<JobResponse> {
    return toJobResponse(await this.jobs.cancel(id, ownerOf(identity)));
  }
}
