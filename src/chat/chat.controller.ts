import {
  Body,
  Controller,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  RequestMethod,
  Res,
  UseGuards,
} from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { conversationNotFound } from '../conversations/conversation.errors';
import { RateLimited } from '../limits/rate-limited.decorator';
import { StaysOpen } from '../limits/stays-open.decorator';
import { DrainingGuard } from '../http/draining.guard';
import { ApiIdempotent } from '../http/idempotency/idempotent-request';
import { ProblemResponses } from '../http/openapi/problem-responses';
import { ApiPageResponse, type Page } from '../http/page';
import { PageQuery } from '../http/page-query.dto';
import { ParseId } from '../http/parse-id.pipe';
import { MessageResponse } from '../messages/dto/message.response';
import { HistoryPages } from '../messages/history-pages';
import { ApiConversationId, AwaitedTurnProblems, TurnProblems } from './api-turn';
import { ReplyActions } from '../turns/reply-actions';
import { ApiSendMessageBody, ApiStartChatBody } from './dto/api-message-body';
import { ChatResponse, toChatResponse } from './dto/chat.response';
import { SendMessageDto, StartChatDto } from './dto/send-message.dto';
import { ContentParser } from './content-parser';
import type { ReplyRef } from '../messages/message.types';
import { RepliesService } from '../replies/replies.service';
import { ApiResume, EventStream } from './api-event-stream';
import { Client, type TurnClient } from './turn-client.decorator';
import type { RequestContext } from '../turns/turn-command';
import { TurnStreams } from './turn-streams';
import { Expensive } from '../limits/expensive.decorator';

const ConversationId = () => Param('conversation_id', new ParseId(conversationNotFound));

@RequiresScope('chat:write')
@ApiTags('chat')
@Controller('chat')
export class ChatController {
  constructor(
    private readonly chat: ReplyActions,
    private readonly text: ContentParser,
    private readonly replies: RepliesService,
    private readonly history: HistoryPages,
    private readonly streams: TurnStreams,
  ) {}

  @EventStream('', RequestMethod.POST)
  @UseGuards(DrainingGuard)
  @RateLimited('chat')
  @ApiOperation({
    summary: 'Say something and stream the reply',
    description: 'Without `conversation_id` a conversation is made; its id is in the `start` event.',
  })
  @ApiStartChatBody()
  @ApiIdempotent()
  @TurnProblems()
  startChat(
    @Client() client: TurnClient,
    @Body() body: StartChatDto,
    @Res() response: Response,
  ): Promise<void> {
    return this.streams.stream(client, response, body.conversation_id, () => this.send(client, body));
  }

  @EventStream(':conversation_id/stream', RequestMethod.POST)
  @UseGuards(DrainingGuard)
  @RateLimited('chat')
  @ApiOperation({ summary: 'Say something in a conversation and stream the reply' })
  @ApiConversationId()
  @ApiSendMessageBody()
  @ApiIdempotent()
  @TurnProblems()
  streamChat(
    @Client() client: TurnClient,
    @ConversationId() conversation_id: string,
    @Body() body: SendMessageDto,
    @Res() response: Response,
  ): Promise<void> {
    const send = () => this.send(client, { ...body, conversation_id });
    return this.streams.stream(client, response, conversation_id, send);
  }

  @Post(':conversation_id')
  @HttpCode(200)
  @StaysOpen()
  @UseGuards(DrainingGuard)
  @RateLimited('chat')
  @ApiOperation({
    summary: 'Say something in a conversation and wait for the reply',
    description:
      'If the model fails, the problem body holds `message_id` and `user_message_id`: both messages are kept. ' +
      'Leaving does not stop the reply.',
  })
  @ApiConversationId()
  @ApiResume()
  @ApiSendMessageBody()
  @ApiOkResponse({ type: ChatResponse, description: 'The whole turn.' })
  @ApiIdempotent()
  @AwaitedTurnProblems()
  async sendMessage(
    @Client() client: TurnClient,
    @ConversationId() conversation_id: string,
    @Body() body: SendMessageDto,
  ): Promise<ChatResponse> {
    const { userId, lastEventId } = client;
    const reply = lastEventId
      ? await this.replies.ofEvent(userId, lastEventId, conversation_id)
      : await this.send(client, { ...body, conversation_id });
    return toChatResponse(await this.replies.wait(reply));
  }

  @Expensive()
  @Get(':conversation_id/history')
  @RequiresScope('conversations:read')
  @ApiOperation({ summary: 'List the messages of the active path', description: 'Oldest first.' })
  @ApiConversationId()
  @ApiPageResponse(MessageResponse)
  @ProblemResponses(conversationNotFound)
  listHistory(
    @CurrentUser() userId: string,
    @ConversationId() id: string,
    @Query() query: PageQuery,
  ): Promise<Page<MessageResponse>> {
    return this.history.page(userId, id, query);
  }

  private send(context: RequestContext, body: StartChatDto): Promise<ReplyRef> {
    return this.chat.sendMessage(context, { ...body, content: this.text.parseContent(body) });
  }
}
