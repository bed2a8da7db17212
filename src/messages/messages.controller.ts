import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { conversationNotFound } from '../conversations/conversation.errors';
import { ConversationsService } from '../conversations/conversations.service';
import { toConversationResponse } from '../conversations/dto/conversation.response';
import { toETag } from '../conversations/etag';
import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import { ProblemResponses } from '../http/openapi/problem-responses';
import { ApiPageResponse, type Page } from '../http/page';
import { ParseId } from '../http/parse-id.pipe';
import { ConversationDetailResponse } from './dto/conversation-detail.response';
import { PathQuery } from './dto/history.query';
import { MessageDetailResponse, MessageResponse, toMessageDetailResponse } from './dto/message.response';
import { HistoryPages } from './history-pages';
import { messageNotFound } from './message.errors';
import { MessagesService } from './messages.service';
import { Expensive } from '../limits/expensive.decorator';

const ConversationId = () => Param('id', new ParseId(conversationNotFound));
const ApiConversationId = () =>
  ApiParam({
    name: 'id',
    format: 'uuid',
    example: EXAMPLE_IDS.conversation,
    description: 'The conversation.',
  });
const DETAIL_MESSAGES = 50;

@RequiresScope('conversations:read')
@Controller()
export class MessagesController {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
    private readonly history: HistoryPages,
  ) {}

  @Expensive()
  @Get('conversations/:id')
  @ApiTags('conversations')
  @ApiOperation({
    summary: 'Read a conversation',
    description: `With the latest ${DETAIL_MESSAGES} messages of its active path.`,
  })
  @ApiConversationId()
  @ApiOkResponse({
    type: ConversationDetailResponse,
    description: 'The conversation.',
    headers: {
      ETag: { description: 'The version, for `If-Match`.', schema: { type: 'string', example: '"1"' } },
    },
  })
  @ProblemResponses(conversationNotFound)
  async getConversation(
    @CurrentUser() userId: string,
    @ConversationId() id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ConversationDetailResponse> {
    const conversation = await this.conversations.get(userId, id);
    const page = await this.history.latest(userId, id, conversation.active_leaf_id, DETAIL_MESSAGES);
    response.setHeader('ETag', toETag(conversation));
    return {
      ...toConversationResponse(conversation),
      messages: page.data,
      messages_cursor: page.next_cursor,
    };
  }

  @Expensive()
  @Get('conversations/:id/messages')
  @ApiTags('messages')
  @ApiOperation({
    summary: 'List the messages of a path',
    description:
      'One path through the tree, oldest first. A `next_cursor` stays on its path, whatever is posted in the meantime; ' +
      '`messages_cursor` of a conversation leads to older messages, page by page. A page of long messages has fewer than `limit`; ' +
      '`has_more` tells whether there are more.',
  })
  @ApiConversationId()
  @ApiPageResponse(MessageResponse)
  @ProblemResponses(conversationNotFound, messageNotFound)
  listMessages(
    @CurrentUser() userId: string,
    @ConversationId() id: string,
    @Query() query: PathQuery,
  ): Promise<Page<MessageResponse>> {
    return this.history.page(userId, id, query);
  }

  @Expensive()
  @Get('messages/:id')
  @ApiTags('messages')
  @ApiOperation({
    summary: 'Read a message',
    description: 'A reply that is running shows what is stored of it so far.',
  })
  @ApiParam({ name: 'id', format: 'uuid', example: EXAMPLE_IDS.reply, description: 'The message.' })
  @ApiOkResponse({ type: MessageDetailResponse, description: 'The message.' })
  @ProblemResponses(messageNotFound)
  async getMessage(
    @CurrentUser() userId: string,
    @Param('id', new ParseId(messageNotFound)) id: string,
  ): Promise<MessageDetailResponse> {
    return toMessageDetailResponse(await this.messages.getWithSiblings(userId, id));
  }
}
