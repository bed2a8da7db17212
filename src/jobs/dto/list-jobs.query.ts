import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import { PageQuery } from '../../http/page-query.dto';
import { JOB_STATES, type JobState } from '../user-job.entity';

export class ListJobsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: JOB_STATES, description: 'Only those in this state.' })
  @IsOptional()
  @IsIn(JOB_STATES)
  state?: JobState;

  @ApiPropertyOptional({
    type: 'string',
    minLength: 1,
    maxLength: 64,
    example: 'title',
    description: 'Only those of this kind.',
  })
  @IsOptional()
  @IsString()
  @Length(1, 64)
  type?: string;
}
