import { Controller, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { ConversationId } from '../conversations/conversation-name.decorator';
import { conversationNotFound } from '../conversations/conversation.errors';
import { ConversationsService } from '../conversations/conversations.service';
import { toConversationResponse } from '../conversations/dto/conversation.response';
import { ETAG_HEADER, toETag } from '../conversations/etag';
import type { Page } from '../http/page';
import { PageQuery } from '../http/page-query.dto';
import { ListRoute, ReadRoute } from '../http/routes';
import { Expensive } from '../limits/expensive.decorator';
import { ConversationDetailResponse } from './dto/conversation-detail.response';
import { PathQuery, PathThroughQuery } from './dto/history.query';
import { MessageDetailResponse, MessageResponse, toMessageDetailResponse } from './dto/message.response';
import { VersionResponse } from './dto/version.response';
import { HistoryPages } from './history-pages';
import { MessageId } from './message-id.decorator';
import { messageNotFound } from './message.errors';
import { MessagesService } from './messages.service';

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
  @ApiTags('conversations')
  @ReadRoute('conversations/:id', {
    summary: 'Read a conversation',
    description: `With the latest ${DETAIL_MESSAGES} messages of its active path.`,
    returns: { type: ConversationDetailResponse, description: 'The conversation.', headers: ETAG_HEADER },
    problems: [conversationNotFound],
  })
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
  @ApiTags('messages')
  @ListRoute('conversations/:id/messages', MessageResponse, {
    summary: 'List the messages of a path',
    description:
      'One path through the tree, oldest first. A `next_cursor` stays on its path, whatever is posted in the meantime; ' +
      '`messages_cursor` of a conversation leads to older messages, page by page. A page of long messages has fewer than `limit`; ' +
      '`has_more` tells whether there are more.',
    problems: [conversationNotFound, messageNotFound],
  })
  listMessages(
    @CurrentUser() userId: string,
    @ConversationId() id: string,
    @Query() query: PathQuery,
  ): Promise<Page<MessageResponse>> {
    return this.history.page(userId, id, query);
  }

  @Expensive()
  @ApiTags('messages')
  @ListRoute('conversations/:id/path', MessageResponse, {
    summary: 'List the path through a message',
    description:
      'From the first message through this one to the one that was last active below it, oldest first. The active path stays as it is. ' +
      'A `next_cursor` is also one of `GET /conversations/{id}/messages`.',
    problems: [conversationNotFound, messageNotFound],
  })
  listPath(
    @CurrentUser() userId: string,
    @ConversationId() id: string,
    @Query() query: PathThroughQuery,
  ): Promise<Page<MessageResponse>> {
    return this.history.pageThrough(userId, id, query);
  }

  @Expensive()
  @ApiTags('messages')
  @ListRoute('messages/:id/versions', VersionResponse, {
    summary: 'List the versions of a message',
    description: 'Itself among them, oldest first, each with the end of the path through it.',
    problems: [messageNotFound],
  })
  listVersions(
    @CurrentUser() userId: string,
    @MessageId() id: string,
    @Query() query: PageQuery,
  ): Promise<Page<VersionResponse>> {
    return this.history.versions(userId, id, query);
  }

  @Expensive()
  @ApiTags('messages')
  @ReadRoute('messages/:id', {
    summary: 'Read a message',
    description: 'A reply that is running shows what is stored of it so far.',
    returns: { type: MessageDetailResponse, description: 'The message.' },
    problems: [messageNotFound],
  })
  async getMessage(@CurrentUser() userId: string, @MessageId() id: string): Promise<MessageDetailResponse> {
    return toMessageDetailResponse(await this.messages.getWithSiblings(userId, id));
  }
}
