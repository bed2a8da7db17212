import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiBody, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { conversationNotFound } from '../conversations/conversation.errors';
import { ConversationResponse, toConversationResponse } from '../conversations/dto/conversation.response';
import { toETag } from '../conversations/etag';
import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import { ApiIdempotent, Idempotent, type IdempotentRequest } from '../http/idempotency/idempotent-request';
import { ProblemResponses } from '../http/openapi/problem-responses';
import { storageFull } from '../users/quotas/quota-exceeded';
import { ParseId } from '../http/parse-id.pipe';
import { BranchesService } from './branches.service';
import { ForkConversationDto } from './dto/fork.dto';
import { SelectMessageDto } from './dto/select.dto';
import { messageNotFound, pathTooLong, replyInProgress } from './message.errors';

@ApiTags('conversations')
@RequiresScope('conversations:write')
@Controller()
export class BranchesController {
  constructor(
    private readonly branches: BranchesService,
    private readonly idempotency: IdempotencyService,
  ) {}

  @Post('conversations/:id/fork')
  @ApiOperation({
    summary: 'Copy a path into a new conversation',
    description: 'With its title, model, system prompt, settings and metadata. The original stays as it is.',
  })
  @ApiParam({
    name: 'id',
    format: 'uuid',
    example: EXAMPLE_IDS.conversation,
    description: 'The conversation.',
  })
  @ApiBody({ type: ForkConversationDto, required: false })
  @ApiCreatedResponse({ type: ConversationResponse, description: 'The new conversation.' })
  @ApiIdempotent()
  @ProblemResponses(conversationNotFound, messageNotFound, replyInProgress, pathTooLong, storageFull)
  async forkConversation(
    @CurrentUser() userId: string,
    @Param('id', new ParseId(conversationNotFound)) id: string,
    @Body() { message_id }: ForkConversationDto,
    @Idempotent() request: IdempotentRequest | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ConversationResponse> {
    const { resource: copy } = await this.idempotency.once(request, {
      make: async () => ({ resource: await this.branches.fork(userId, id, message_id), status: 201 }),
      read: (copyId) => this.branches.get(userId, copyId),
    });
    response.setHeader('ETag', toETag(copy));
    return toConversationResponse(copy);
  }

  @Post('messages/:id/select')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Show another branch',
    description:
      'The path through this message becomes the active one, down to the message that was last active below it: it is shown, and ' +
      'continued by the next message. Where the path ends at what the user said, the next message goes beside that.',
  })
  @ApiParam({
    name: 'id',
    format: 'uuid',
    example: EXAMPLE_IDS.reply,
    description: 'Any message of the branch.',
  })
  @ApiBody({ type: SelectMessageDto, required: false })
  @ApiOkResponse({ type: ConversationResponse, description: 'The conversation as it is now.' })
  @ProblemResponses(messageNotFound)
  async selectBranch(
    @CurrentUser() userId: string,
    @Param('id', new ParseId(messageNotFound)) id: string,
    @Body() { exact }: SelectMessageDto,
  ): Promise<ConversationResponse> {
    return toConversationResponse(await this.branches.select(userId, id, exact));
  }
}
