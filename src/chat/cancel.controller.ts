import { Controller } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { ConversationId } from '../conversations/conversation-name.decorator';
import { conversationNotFound } from '../conversations/conversation.errors';
import { ActionRoute } from '../http/routes';
import { MessageResponse, toMessageResponse } from '../messages/dto/message.response';
import { MessageId } from '../messages/message-id.decorator';
import { messageNotFound } from '../messages/message.errors';
import { noReply, stopPending } from '../replies/reply.errors';
import { RepliesService } from '../replies/replies.service';

/** Routes that stop replies, even while the process shuts down: an active reply may always be stopped. */
@RequiresScope('chat:write')
@ApiTags('chat')
@Controller()
export class CancelController {
  constructor(private readonly replies: RepliesService) {}

  @ActionRoute('chat/:conversation_id/stop', {
    summary: 'Stop the running reply',
    description:
      'The text so far is kept, and a queued reply comes next. A reply that waits for its model counts as running. Idempotent: without a running reply it answers the last one as ' +
      'it is.',
    returns: { type: MessageResponse, description: 'The last reply.' },
    problems: [conversationNotFound, noReply, stopPending],
  })
  async stopReply(
    @CurrentUser() userId: string,
    @ConversationId('conversation_id') id: string,
  ): Promise<MessageResponse> {
    return toMessageResponse(await this.replies.stopRunning(userId, id));
  }

  @ActionRoute('messages/:id/stop', {
    summary: 'Stop or cancel a reply',
    description:
      'A running reply keeps its text so far; a queued one is taken out of the queue, and what the user said stays. ' +
      'Idempotent: a reply that is over is answered as it is.',
    returns: { type: MessageResponse, description: 'The reply.' },
    problems: [messageNotFound, stopPending],
  })
  async stopMessage(
    @CurrentUser() userId: string,
    @MessageId('The reply.') id: string,
  ): Promise<MessageResponse> {
    return toMessageResponse(await this.replies.stop(userId, id));
  }
}
