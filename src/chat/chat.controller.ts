import { Body, Controller, Query, Res, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { ConversationId, ConversationName } from '../conversations/conversation-name.decorator';
import { conversationNotFound } from '../conversations/conversation.errors';
import { RateLimited } from '../limits/rate-limited.decorator';
import { StaysOpen } from '../limits/stays-open.decorator';
import { DrainingGuard } from '../http/draining.guard';
import { ApiIdempotent } from '../http/idempotency/idempotent-request';
import type { Page } from '../http/page';
import { PageQuery } from '../http/page-query.dto';
import { ActionRoute, ListRoute } from '../http/routes';
import { Expensive } from '../limits/expensive.decorator';
import { MessageResponse } from '../messages/dto/message.response';
import { HistoryPages } from '../messages/history-pages';
import { AwaitedTurnProblems } from './api-turn';
import { ReplyActions } from '../turns/reply-actions';
import { ApiSendMessageBody, ApiStartChatBody } from './dto/api-message-body';
import { ChatResponse, toChatResponse } from './dto/chat.response';
import { SendMessageDto, StartChatDto } from './dto/send-message.dto';
import { ContentParser } from './content-parser';
import type { ReplyRef } from '../messages/message.types';
import { RepliesService } from '../replies/replies.service';
import { ApiResume, TurnRoute } from './api-event-stream';
import { Client, type TurnClient } from './turn-client.decorator';
import type { RequestContext } from '../turns/turn-command';
import { TurnStreams } from './turn-streams';

@RequiresScope('chat:write')
@ApiTags('chat')
@Controller('chat')
export class ChatController {
  constructor(
    private readonly actions: ReplyActions,
    private readonly text: ContentParser,
    private readonly replies: RepliesService,
    private readonly history: HistoryPages,
    private readonly streams: TurnStreams,
  ) {}

  @TurnRoute('', {
    summary: 'Say something and stream the reply',
    description:
      'Without `conversation_id`, or with a key that no conversation has, one is made; its id is in the `start` event.',
  })
  @RateLimited('chat')
  @ApiStartChatBody()
  startChat(
    @Client() client: TurnClient,
    @Body() body: StartChatDto,
    @Res() response: Response,
  ): Promise<void> {
    return this.streams.stream(client, response, body.conversation_id, () => this.send(client, body));
  }

  @TurnRoute(':conversation_id/stream', {
    summary: 'Say something in a conversation and stream the reply',
    description: 'With a key that no conversation has, one is made.',
  })
  @RateLimited('chat')
  @ApiSendMessageBody()
  streamChat(
    @Client() client: TurnClient,
    @ConversationName('conversation_id') conversation_id: string,
    @Body() body: SendMessageDto,
    @Res() response: Response,
  ): Promise<void> {
    const send = () => this.send(client, { ...body, conversation_id });
    return this.streams.stream(client, response, conversation_id, send);
  }

  @UseGuards(DrainingGuard)
  @StaysOpen()
  @RateLimited('chat')
  @ApiResume()
  @ApiSendMessageBody()
  @ApiIdempotent()
  @AwaitedTurnProblems()
  @ActionRoute(':conversation_id', {
    summary: 'Say something in a conversation and wait for the reply',
    description:
      'If the model fails, the problem body holds `message_id` and `user_message_id`: both messages are kept. ' +
      'Leaving does not stop the reply. With a key that no conversation has, one is made.',
    returns: { type: ChatResponse, description: 'The whole turn.' },
  })
  async sendMessage(
    @Client() client: TurnClient,
    @ConversationName('conversation_id') conversation_id: string,
    @Body() body: SendMessageDto,
  ): Promise<ChatResponse> {
    const { userId, lastEventId } = client;
    const reply = lastEventId
      ? await this.replies.ofEvent(userId, lastEventId, conversation_id)
      : await this.send(client, { ...body, conversation_id });
    return toChatResponse(await this.replies.wait(reply));
  }

  @Expensive()
  @RequiresScope('conversations:read')
  @ListRoute(':conversation_id/history', MessageResponse, {
    summary: 'List the messages of the active path',
    description: 'Oldest first.',
    problems: [conversationNotFound],
  })
  listHistory(
    @CurrentUser() userId: string,
    @ConversationId('conversation_id') id: string,
    @Query() query: PageQuery,
  ): Promise<Page<MessageResponse>> {
    return this.history.page(userId, id, query);
  }

  private send(context: RequestContext, body: StartChatDto): Promise<ReplyRef> {
    return this.actions.sendMessage(context, { ...body, content: this.text.parseContent(body) });
  }
}
