import { Body, Controller, Headers } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiTags } from '@nestjs/swagger';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import { Idempotent, type IdempotentRequest } from '../http/idempotency/idempotent-request';
import { documentedParam } from '../http/openapi/documented-param';
import { ActionRoute, CommandRoute, CreateRoute, DeleteRoute, PutRoute, UpdateRoute } from '../http/routes';
import { storageFull } from '../users/quotas/quota-exceeded';
import { RespondsConversation } from './conversation.interceptor';
import { toConversationName } from './conversation-name';
import { ConversationId } from './conversation-name.decorator';
import { conversationChanged, conversationNotFound, keyTaken, unknownModel } from './conversation.errors';
import { ConversationsService, type Conversation } from './conversations.service';
import { ConversationResponse } from './dto/conversation.response';
import { CreateConversationDto } from './dto/create-conversation.dto';
import { DeleteConversationsDto, DeletedConversationsResponse } from './dto/delete-conversations.dto';
import { UpdateConversationDto } from './dto/update-conversation.dto';
import { NewKeys } from './new-keys';
import { ETAG_HEADER, versionsOf } from './etag';

const IfMatch = () =>
  documentedParam(
    Headers('if-match'),
    ApiHeader({
      name: 'If-Match',
      required: false,
      schema: { type: 'string' },
      example: '"1"',
      description: 'The `ETag` that was read; 412 if it has changed since.',
    }),
  );
const NEW_CONVERSATIONS = {
  empty: { summary: 'An empty one', value: {} },
  named: { summary: "One with the client's own key", value: { key: 'test-session' } },
  prepared: {
    summary: 'One with a title, a prompt and settings',
    value: {
      title: 'Holiday in Norway',
      system_prompt: 'You are a patient travel guide.',
      settings: { temperature: 0.7, max_output_tokens: 1024 },
      metadata: { project: 'norway' },
    },
  },
};
const CHANGES = {
  title: { summary: 'Another title', value: { title: 'Two weeks in Norway' } },
  archive: { summary: 'Out of the list', value: { archived: true } },
  model: { summary: 'Back to the default model', value: { model: null } },
};

const UPDATE = {
  description: 'What is absent stays as it is. `settings` and `metadata` are replaced whole.',
  returns: {
    type: ConversationResponse,
    description: 'The conversation as it is now.',
    headers: ETAG_HEADER,
  },
  problems: [unknownModel, conversationNotFound, conversationChanged, storageFull],
};

@RequiresScope('conversations:write')
@ApiTags('conversations')
@Controller('conversations')
export class ConversationsController {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly keys: NewKeys,
    private readonly idempotency: IdempotencyService,
  ) {}

  @RespondsConversation()
  @ApiBody({ type: CreateConversationDto, examples: NEW_CONVERSATIONS })
  @CreateRoute('', {
    summary: 'Make a conversation',
    description: '`{}` makes an empty one; a first message makes one as well.',
    returns: { type: ConversationResponse, description: 'The new conversation.', headers: ETAG_HEADER },
    problems: [unknownModel, keyTaken, storageFull],
  })
  async createConversation(
    @CurrentUser() userId: string,
    @Body() body: CreateConversationDto,
    @Idempotent() request: IdempotentRequest | undefined,
  ): Promise<Conversation> {
    const { resource } = await this.idempotency.once(request, {
      make: async () => {
        const conversation = await this.conversations.create(userId, body);
        this.keys.announce(conversation);
        return { resource: conversation, status: 201 };
      },
      read: (id) => this.conversations.get(userId, id),
    });
    return resource;
  }

  @ApiBody({ type: DeleteConversationsDto })
  @ActionRoute('delete', {
    summary: 'Delete several conversations',
    description:
      'Each as by `DELETE /conversations/{id}`. Ids that are not there are left out of the answer.',
    returns: { type: DeletedConversationsResponse, description: 'Those that were deleted.' },
  })
  async deleteConversations(
    @CurrentUser() userId: string,
    @Body() { ids }: DeleteConversationsDto,
  ): Promise<DeletedConversationsResponse> {
    const names = new Set(ids.flatMap((id) => toConversationName(id) ?? []));
    return { deleted: await this.conversations.deleteAll(userId, [...names]) };
  }

  @CommandRoute(':id/read', {
    summary: 'Mark a conversation as read',
    description:
      'Up to now: the next reply that ends makes it unread again. Sending a message does the same.',
    returns: { description: 'It is read.' },
    problems: [conversationNotFound],
  })
  async readConversation(@CurrentUser() userId: string, @ConversationId() id: string): Promise<void> {
    await this.conversations.markRead(userId, id);
  }

  @RespondsConversation()
  @ApiBody({ type: UpdateConversationDto, examples: CHANGES })
  @UpdateRoute(':id', { ...UPDATE, summary: 'Change a conversation' })
  updateConversation(
    @CurrentUser() userId: string,
    @ConversationId() id: string,
    @Body() body: UpdateConversationDto,
    @IfMatch() ifMatch: string | undefined,
  ): Promise<Conversation> {
    return this.conversations.update(userId, id, body, versionsOf(ifMatch));
  }

  @RespondsConversation()
  @ApiBody({ type: UpdateConversationDto, examples: CHANGES })
  @PutRoute(':id', { ...UPDATE, summary: 'Change a conversation (the same as PATCH)' })
  putConversation(
    @CurrentUser() userId: string,
    @ConversationId() id: string,
    @Body() body: UpdateConversationDto,
    @IfMatch() ifMatch: string | undefined,
  ): Promise<Conversation> {
    return this.updateConversation(userId, id, body, ifMatch);
  }

  @DeleteRoute(':id', {
    summary: 'Delete a conversation',
    description: 'A running reply is stopped; everything of it goes.',
    problems: [conversationNotFound],
  })
  async deleteConversation(@CurrentUser() userId: string, @ConversationId() id: string): Promise<void> {
    await this.conversations.delete(userId, id);
  }

  @DeleteRoute(':id/context', {
    summary: 'Make the model forget what came before',
    description: 'The messages stay readable; later replies know only what is posted from now on.',
    returns: 'It is forgotten.',
    problems: [conversationNotFound],
  })
  async clearContext(@CurrentUser() userId: string, @ConversationId() id: string): Promise<void> {
    await this.conversations.clearContext(userId, id);
  }
}
