import { Controller, Query, type StreamableFile } from '@nestjs/common';
import { ApiProduces, ApiTags } from '@nestjs/swagger';
import { Origin, type RequestOrigin } from '../audit/request-origin.decorator';
import { CurrentIdentity } from '../auth/current-user.decorator';
import type { Identity } from '../auth/identity';
import { AdminOnly } from '../auth/route-rules.decorator';
import { NDJSON, ndjsonFile } from '../http/ndjson';
import { ReadRoute } from '../http/routes';
import { Expensive } from '../limits/expensive.decorator';
import { StaysOpen } from '../limits/stays-open.decorator';
import { FeedbackFilterQuery, FeedbackSummaryQuery, FeedbackSummaryResponse } from './dto/feedback.dto';
import { FeedbackReports } from './feedback-reports.service';
import { toFilter } from './to-filter';

/** Everybody's feedback as a whole; not for API keys. */
@AdminOnly()
@ApiTags('feedback')
@Controller('feedback')
export class FeedbackReportsController {
  constructor(private readonly reports: FeedbackReports) {}

  @Expensive()
  @ReadRoute('summary', {
    operationId: 'summarizeFeedback',
    summary: "Summarize everybody's feedback",
    description: 'For administrators. It is audited.',
    returns: { type: FeedbackSummaryResponse, description: 'How much there is, and how good.' },
  })
  async summarizeFeedback(
    @CurrentIdentity() actor: Identity,
    @Query() { group_by = 'day', ...query }: FeedbackSummaryQuery,
    @Origin() origin: RequestOrigin,
  ): Promise<FeedbackSummaryResponse> {
    await this.reports.assertAllowed(actor, 'feedback.summarized', origin);
    return this.reports.summary(toFilter(query), group_by);
  }

  @StaysOpen()
  @Expensive()
  @ApiProduces(NDJSON)
  @ReadRoute('export', {
    operationId: 'exportFeedback',
    summary: "Export everybody's feedback",
    description:
      'For administrators: oldest first, one JSON object per line, each with question and answer. It is audited.',
    returns: {
      description: 'All of it, line by line.',
      content: {
        [NDJSON]: {
          schema: { type: 'string' },
          example:
            '{"id":"019a5b1c-7f00-7000-8000-000000000009","user_id":"alice","conversation_id":"019a5b1c-7f00-7000-8000-000000000001",' +
            '"message_id":"019a5b1c-7f00-7000-8000-000000000003","model":"gpt-5-mini","rating":5,"comment":"Just what I needed.","tags":["helpful"],' +
            '"question":"What is the capital of Norway?","answer":"Oslo.","created_at":"2026-11-21T09:30:00.000Z","updated_at":"2026-11-21T09:30:00.000Z"}\n',
        },
      },
    },
  })
  async exportFeedback(
    @CurrentIdentity() actor: Identity,
    @Query() query: FeedbackFilterQuery,
    @Origin() origin: RequestOrigin,
  ): Promise<StreamableFile> {
    await this.reports.assertAllowed(actor, 'feedback.exported', origin);
    return ndjsonFile(this.reports.export(toFilter(query)), 'feedback.ndjson');
  }
}
