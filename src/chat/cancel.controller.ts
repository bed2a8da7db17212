import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { conversationNotFound } from '../conversations/conversation.errors';
import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import { ProblemResponses } from '../http/openapi/problem-responses';
import { ParseId } from '../http/parse-id.pipe';
import { MessageResponse, toMessageResponse } from '../messages/dto/message.response';
import { messageNotFound } from '../messages/message.errors';
import { ApiConversationId } from './api-turn';
import { noReply, stopPending } from '../replies/reply.errors';
import { RepliesService } from '../replies/replies.service';

/** Routes that stop replies, also while the process shuts down: an active reply may always be stopped. */
@RequiresScope('chat:write')
@ApiTags('chat')
@Controller()
export class CancelController {
  constructor(private readonly replies: RepliesService) {}

  @Post('chat/:conversation_id/stop')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Stop the running reply',
    description:
      'The text so far is kept, and a queued reply comes next. A reply that waits for its model counts as running. Idempotent: without a running reply it answers the last one as ' +
      'it is.',
  })
  @ApiConversationId()
  @ApiOkResponse({ type: MessageResponse, description: 'The last reply.' })
  @ProblemResponses(conversationNotFound, noReply, stopPending)
  async stopReply(
    @CurrentUser() userId: string,
    @Param('conversation_id', new ParseId(conversationNotFound)) id: string,
  ): Promise<MessageResponse> {
    return toMessageResponse(await this.replies.stopRunning(userId, id));
  }

  @Post('messages/:id/stop')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Stop or cancel a reply',
    description:
      'A running reply keeps its text so far; a queued one is taken out of the queue, and what the user said stays. ' +
      'Idempotent: a reply that is over is answered as it is.',
  })
  @ApiParam({ name: 'id', format: 'uuid', example: EXAMPLE_IDS.reply, description: 'The reply.' })
  @ApiOkResponse({ type: MessageResponse, description: 'The reply.' })
  @ProblemResponses(messageNotFound, stopPending)
  async stopMessage(
    @CurrentUser() userId: string,
    @Param('id', new ParseId(messageNotFound)) id: string,
  ): Promise<MessageResponse> {
    return toMessageResponse(await this.replies.stop(userId, id));
  }
}
