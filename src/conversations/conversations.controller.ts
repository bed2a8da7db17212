import {
  applyDecorators,
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Res,
} from '@nestjs/common';
import {
  ApiBody,
  ApiCreatedResponse,
  ApiHeader,
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
import { conversationChanged, conversationNotFound, unknownModel } from './conversation.errors';
import type { ConversationPosition } from './conversation.types';
import { ConversationsService, type Conversation } from './conversations.service';
import { ConversationResponse, toConversationResponse } from './dto/conversation.response';
import { CreateConversationDto } from './dto/create-conversation.dto';
import { ListConversationsQuery } from './dto/list-conversations.query';
import { UpdateConversationDto } from './dto/update-conversation.dto';
import { toETag, versionsOf } from './etag';

const ConversationId = () => Param('id', new ParseId(conversationNotFound));
const ETAG_HEADER = {
  ETag: { description: 'The version, for `If-Match`.', schema: { type: 'string' as const, example: '"1"' } },
};
const NEW_CONVERSATIONS = {
  empty: { summary: 'An empty one', value: {} },
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

@RequiresScope('conversations:write')
@ApiTags('conversations')
@Controller('conversations')
export class ConversationsController {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly idempotency: IdempotencyService,
  ) {}

  @Post()
  @ApiOperation({
    summary: 'Make a conversation',
    description: '`{}` makes an empty one; a first message makes one as well.',
  })
  @ApiBody({ type: CreateConversationDto, examples: NEW_CONVERSATIONS })
  @ApiCreatedResponse({
    type: ConversationResponse,
    description: 'The new conversation.',
    headers: ETAG_HEADER,
  })
  @ApiIdempotent()
  @ProblemResponses(unknownModel, storageFull)
  async createConversation(
    @CurrentUser() userId: string,
    @Body() body: CreateConversationDto,
    @Idempotent() request: IdempotentRequest | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ConversationResponse> {
    const { resource } = await this.idempotency.once(request, {
      make: async () => ({ resource: await this.conversations.create(userId, body), status: 201 }),
      read: (id) => this.conversations.get(userId, id),
    });
    return answer(resource, response);
  }

  @Get()
  @RequiresScope('conversations:read')
  @ApiOperation({ summary: 'List conversations', description: 'Newest activity first.' })
  @ApiPageResponse(ConversationResponse)
  async listConversations(
    @CurrentUser() userId: string,
    @Query() { limit, cursor, q, archived }: ListConversationsQuery,
  ): Promise<Page<ConversationResponse>> {
    const filter = { archived: archived === 'true', q };
    const scope = { userId, list: `conversations ${JSON.stringify(filter)}` };
    const after = cursor ? toPosition(decodeCursor(scope, cursor, ['timestamp', 'uuid'])) : undefined;
    const { found, end } = await this.conversations.list(userId, filter, after, limit + 1);
    const page = toPage(found, limit, toConversationResponse, (last) =>
      encodeCursor(scope, [last.last_activity_at.toISOString(), last.id]),
    );
    if (!end) return page;
    return { ...page, has_more: true, next_cursor: encodeCursor(scope, [end.last_activity_at, end.id]) };
  }

  @Patch(':id')
  @ApiUpdate('Change a conversation')
  async updateConversation(
    @CurrentUser() userId: string,
    @ConversationId() id: string,
    @Body() body: UpdateConversationDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ConversationResponse> {
    return answer(await this.conversations.update(userId, id, body, versionsOf(ifMatch)), response);
  }

  @Put(':id')
  @ApiUpdate('Change a conversation (the same as PATCH)')
  putConversation(
    @CurrentUser() userId: string,
    @ConversationId() id: string,
    @Body() body: UpdateConversationDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ConversationResponse> {
    return this.updateConversation(userId, id, body, ifMatch, response);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Delete a conversation',
    description: 'A running reply is stopped; everything of it goes.',
  })
  @ApiConversationId()
  @ApiNoContentResponse({ description: 'It is gone.' })
  @ProblemResponses(conversationNotFound)
  async deleteConversation(@CurrentUser() userId: string, @ConversationId() id: string): Promise<void> {
    await this.conversations.delete(userId, id);
  }

  @Delete(':id/context')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Make the model forget what came before',
    description: 'The messages stay readable; later replies know only what is posted from now on.',
  })
  @ApiConversationId()
  @ApiNoContentResponse({ description: 'It is forgotten.' })
  @ProblemResponses(conversationNotFound)
  async clearContext(@CurrentUser() userId: string, @ConversationId() id: string): Promise<void> {
    await this.conversations.clearContext(userId, id);
  }
}

function ApiConversationId() {
  return ApiParam({
    name: 'id',
    format: 'uuid',
    example: EXAMPLE_IDS.conversation,
    description: 'The conversation.',
  });
}

function ApiUpdate(summary: string) {
  return applyDecorators(
    ApiOperation({
      summary,
      description: 'What is absent stays as it is. `settings` and `metadata` are replaced whole.',
    }),
    ApiConversationId(),
    ApiHeader({
      name: 'If-Match',
      required: false,
      schema: { type: 'string' },
      example: '"1"',
      description: 'The `ETag` that was read; 412 if it has changed since.',
    }),
    ApiOkResponse({
      type: ConversationResponse,
      description: 'The conversation as it is now.',
      headers: ETAG_HEADER,
    }),
    ApiBody({ type: UpdateConversationDto, examples: CHANGES }),
    ProblemResponses(unknownModel, conversationNotFound, conversationChanged, storageFull),
  );
}

function answer(conversation: Conversation, response: Response): ConversationResponse {
  response.setHeader('ETag', toETag(conversation));
  return toConversationResponse(conversation);
}

function toPosition([last_activity_at, id]: [string, string]): ConversationPosition {
  return { last_activity_at, id };
}
