import { Body, Controller, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Origin, type RequestOrigin } from '../audit/request-origin.decorator';
import { conversationNotFound } from '../conversations/conversation.errors';
import { insufficientScope, notAnAdmin } from '../auth/auth.errors';
import { CurrentIdentity, CurrentUser } from '../auth/current-user.decorator';
import type { Identity } from '../auth/identity';
import { RequiresScope } from '../auth/route-rules.decorator';
import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import { Idempotent, type IdempotentRequest } from '../http/idempotency/idempotent-request';
import { listPage } from '../http/list-page';
import type { Page } from '../http/page';
import { ProblemResponses } from '../http/openapi/problem-responses';
import { PathId } from '../http/path-id.decorator';
import { CreateRoute, DeleteRoute, ListRoute, ReadRoute, UpdateRoute } from '../http/routes';
import { messageNotFound } from '../messages/message.errors';
import { storageFull } from '../users/quotas/quota-exceeded';
import {
  CreateFeedbackDto,
  FeedbackResponse,
  ListFeedbackQuery,
  toFeedbackResponse,
  toGivenFeedbackResponse,
  UpdateFeedbackDto,
} from './dto/feedback.dto';
import { FeedbackReports } from './feedback-reports.service';
import { feedbackNotFound, FeedbackService, notAReply, stillStreaming } from './feedback.service';
import { toFilter } from './to-filter';

const FeedbackId = () =>
  PathId({ example: EXAMPLE_IDS.feedback, description: 'The feedback.', notFound: feedbackNotFound });

@RequiresScope('feedback:write')
@ApiTags('feedback')
@Controller('feedback')
export class FeedbackController {
  constructor(
    private readonly feedback: FeedbackService,
    private readonly reports: FeedbackReports,
    private readonly idempotency: IdempotencyService,
  ) {}

  @ApiOkResponse({ type: FeedbackResponse, description: 'It replaced the earlier one.' })
  @CreateRoute('', {
    summary: 'Rate a reply',
    description: 'A second rating of the same reply replaces the first.',
    returns: { type: FeedbackResponse, description: 'The new feedback.' },
    problems: [notAReply, messageNotFound, stillStreaming, storageFull],
  })
  async createFeedback(
    @CurrentUser() userId: string,
    @Body() body: CreateFeedbackDto,
    @Idempotent() request: IdempotentRequest | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<FeedbackResponse> {
    const { resource, status } = await this.idempotency.once(request, {
      make: async () => {
        const { feedback, created } = await this.feedback.put(userId, body);
        return { resource: feedback, status: created ? 201 : 200 };
      },
      read: (id) => this.feedback.get(userId, id),
    });
    response.status(status);
    return toFeedbackResponse(resource);
  }

  @ProblemResponses(notAnAdmin, () => insufficientScope('feedback:read'))
  @RequiresScope('feedback:read')
  @ListRoute('', FeedbackResponse, {
    summary: 'List feedback',
    description: "Newest first. One's own; with `all=true`, for administrators, everybody's.",
    problems: [conversationNotFound],
  })
  async listFeedback(
    @CurrentIdentity() identity: Identity,
    @Query() query: ListFeedbackQuery,
    @Origin() origin: RequestOrigin,
  ): Promise<Page<FeedbackResponse>> {
    const { userId } = identity;
    const all = query.all === 'true';
    if (all) await this.reports.assertAllowed(identity, 'feedback.listed', origin);
    const { message_id } = query;
    const conversation_id = await this.feedback.conversationNamed(userId, query.conversation_id);
    const named = { ...(message_id && { message_id }), ...(conversation_id && { conversation_id }) };
    const filter = { ...named, ...toFilter(query) };
    const list = {
      userId,
      list: `feedback ${all ? 'of all ' : ''}${JSON.stringify(filter)}`,
      by: 'created_at',
    } as const;
    if (all)
      return listPage(
        list,
        query,
        (after, limit) => this.reports.list(filter, after, limit),
        toGivenFeedbackResponse,
      );
    return listPage(
      list,
      query,
      (after, limit) => this.feedback.list(userId, filter, after, limit),
      toFeedbackResponse,
    );
  }

  @RequiresScope('feedback:read')
  @ReadRoute(':id', {
    summary: 'Read feedback',
    returns: { type: FeedbackResponse, description: 'The feedback.' },
    problems: [feedbackNotFound],
  })
  async getFeedback(@CurrentUser() userId: string, @FeedbackId() id: string): Promise<FeedbackResponse> {
    return toFeedbackResponse(await this.feedback.get(userId, id));
  }

  @UpdateRoute(':id', {
    summary: 'Change feedback',
    description: 'What is absent stays as it is; a `null` comment clears it.',
    returns: { type: FeedbackResponse, description: 'The feedback as it is now.' },
    problems: [feedbackNotFound, storageFull],
  })
  async updateFeedback(
    @CurrentUser() userId: string,
    @FeedbackId() id: string,
    @Body() body: UpdateFeedbackDto,
  ): Promise<FeedbackResponse> {
    return toFeedbackResponse(await this.feedback.update(userId, id, body));
  }

  @DeleteRoute(':id', { summary: 'Take feedback back', problems: [feedbackNotFound] })
  async deleteFeedback(@CurrentUser() userId: string, @FeedbackId() id: string): Promise<void> {
    await this.feedback.delete(userId, id);
  }
}
