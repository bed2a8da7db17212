import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { decodeCursor, encodeCursor } from '../http/cursor';
import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import { ApiIdempotent, Idempotent, type IdempotentRequest } from '../http/idempotency/idempotent-request';
import { ProblemResponses } from '../http/openapi/problem-responses';
import { storageFull } from '../users/quotas/quota-exceeded';
import { ApiPageResponse, toPage, type Page } from '../http/page';
import { ParseId } from '../http/parse-id.pipe';
import { messageNotFound } from '../messages/message.errors';
import {
  CreateFeedbackDto,
  FeedbackResponse,
  ListFeedbackQuery,
  toFeedbackResponse,
  UpdateFeedbackDto,
} from './dto/feedback.dto';
import type { FeedbackPosition } from './feedback.repository';
import { feedbackNotFound, FeedbackService, notAReply, stillStreaming } from './feedback.service';

const FeedbackId = () => Param('id', new ParseId(feedbackNotFound));
const ApiFeedbackId = () =>
  ApiParam({ name: 'id', format: 'uuid', example: EXAMPLE_IDS.feedback, description: 'The feedback.' });

@RequiresScope('feedback:write')
@ApiTags('feedback')
@Controller('feedback')
export class FeedbackController {
  constructor(
    private readonly feedback: FeedbackService,
    private readonly idempotency: IdempotencyService,
  ) {}

  @Post()
  @ApiOperation({
    summary: 'Rate a reply',
    description: 'A second rating of the same reply replaces the first.',
  })
  @ApiCreatedResponse({ type: FeedbackResponse, description: 'The new feedback.' })
  @ApiOkResponse({ type: FeedbackResponse, description: 'It replaced the earlier one.' })
  @ApiIdempotent()
  @ProblemResponses(notAReply, messageNotFound, stillStreaming, storageFull)
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

  @Get()
  @RequiresScope('feedback:read')
  @ApiOperation({ summary: "List one's feedback", description: 'Newest first.' })
  @ApiPageResponse(FeedbackResponse)
  async listFeedback(
    @CurrentUser() userId: string,
    @Query() { limit, cursor, message_id, conversation_id }: ListFeedbackQuery,
  ): Promise<Page<FeedbackResponse>> {
    const filter = { ...(message_id && { message_id }), ...(conversation_id && { conversation_id }) };
    const scope = { userId, list: `feedback ${JSON.stringify(filter)}` };
    const after = cursor ? toPosition(decodeCursor(scope, cursor, ['timestamp', 'uuid'])) : undefined;
    const rows = await this.feedback.list(userId, filter, after, limit + 1);
    return toPage(rows, limit, toFeedbackResponse, (last) =>
      encodeCursor(scope, [last.created_at.toISOString(), last.id]),
    );
  }

  @Get(':id')
  @RequiresScope('feedback:read')
  @ApiOperation({ summary: 'Read feedback' })
  @ApiFeedbackId()
  @ApiOkResponse({ type: FeedbackResponse, description: 'The feedback.' })
  @ProblemResponses(feedbackNotFound)
  async getFeedback(@CurrentUser() userId: string, @FeedbackId() id: string): Promise<FeedbackResponse> {
    return toFeedbackResponse(await this.feedback.get(userId, id));
  }

  @Patch(':id')
  @ApiOperation({
    summary: 'Change feedback',
    description: 'What is absent stays as it is; a `null` comment clears it.',
  })
  @ApiFeedbackId()
  @ApiOkResponse({ type: FeedbackResponse, description: 'The feedback as it is now.' })
  @ProblemResponses(feedbackNotFound, storageFull)
  async updateFeedback(
    @CurrentUser() userId: string,
    @FeedbackId() id: string,
    @Body() body: UpdateFeedbackDto,
  ): Promise<FeedbackResponse> {
    return toFeedbackResponse(await this.feedback.update(userId, id, body));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Take feedback back' })
  @ApiFeedbackId()
  @ApiNoContentResponse({ description: 'It is gone.' })
  @ProblemResponses(feedbackNotFound)
  async deleteFeedback(@CurrentUser() userId: string, @FeedbackId() id: string): Promise<void> {
    await this.feedback.delete(userId, id);
  }
}

function toPosition([created_at, id]: [string, string]): FeedbackPosition {
  return { created_at, id };
}
