import { Body, Controller } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { ConversationId } from '../conversations/conversation-name.decorator';
import { RespondsConversation } from '../conversations/conversation.interceptor';
import type { Conversation } from '../conversations/conversations.service';
import { conversationNotFound } from '../conversations/conversation.errors';
import { ConversationResponse, toConversationResponse } from '../conversations/dto/conversation.response';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import { Idempotent, type IdempotentRequest } from '../http/idempotency/idempotent-request';
import { ActionRoute, CreateRoute, DeleteRoute } from '../http/routes';
import { storageFull } from '../users/quotas/quota-exceeded';
import { BranchesService } from './branches.service';
import { ForkConversationDto } from './dto/fork.dto';
import { SelectMessageDto } from './dto/select.dto';
import { MessageRemoval } from './message-removal';
import { MessageId } from './message-id.decorator';
import { messageNotFound, pathTooLong, replyInProgress, tooMuchBelow, tooMuchShared } from './message.errors';

@ApiTags('conversations')
@RequiresScope('conversations:write')
@Controller()
export class BranchesController {
  constructor(
    private readonly branches: BranchesService,
    private readonly removal: MessageRemoval,
    private readonly idempotency: IdempotencyService,
  ) {}

  @RespondsConversation()
  @ApiBody({ type: ForkConversationDto, required: false })
  @CreateRoute('conversations/:id/fork', {
    summary: 'Copy a path into a new conversation',
    description: 'With its title, model, system prompt, settings and metadata. The original stays as it is.',
    returns: { type: ConversationResponse, description: 'The new conversation.' },
    problems: [conversationNotFound, messageNotFound, replyInProgress, pathTooLong, storageFull],
  })
  async forkConversation(
    @CurrentUser() userId: string,
    @ConversationId() id: string,
    @Body() { message_id }: ForkConversationDto,
    @Idempotent() request: IdempotentRequest | undefined,
  ): Promise<Conversation> {
    const { resource } = await this.idempotency.once(request, {
      make: async () => ({ resource: await this.branches.fork(userId, id, message_id), status: 201 }),
      read: (copyId) => this.branches.get(userId, copyId),
    });
    return resource;
  }

  @ApiBody({ type: SelectMessageDto, required: false })
  @ActionRoute('messages/:id/select', {
    summary: 'Show another branch',
    description:
      'The path through this message becomes the active one, down to the message that was last active below it: it is shown, and ' +
      'continued by the next message. Where the path ends at what the user said, the next message goes beside that.',
    returns: { type: ConversationResponse, description: 'The conversation as it is now.' },
    problems: [messageNotFound],
  })
  async selectBranch(
    @CurrentUser() userId: string,
    @MessageId('Any message of the branch.') id: string,
    @Body() { exact }: SelectMessageDto,
  ): Promise<ConversationResponse> {
    return toConversationResponse(await this.branches.select(userId, id, exact));
  }

  @DeleteRoute('messages/:id', {
    summary: 'Delete a message',
    description:
      'With all that hangs below it. An active path through it leads to the newest other version from then on, or ends at the message before. Forks keep ' +
      'their copies, and what replies have used stays counted.',
    problems: [messageNotFound, replyInProgress, tooMuchBelow, tooMuchShared],
  })
  async deleteMessage(@CurrentUser() userId: string, @MessageId() id: string): Promise<void> {
    await this.removal.run(userId, id);
  }
}
