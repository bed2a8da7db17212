import { Body, Controller, Param, RequestMethod, Res, UseGuards } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { RequiresScope } from '../auth/route-rules.decorator';
import { RateLimited } from '../limits/rate-limited.decorator';
import { DrainingGuard } from '../http/draining.guard';
import { ApiIdempotent } from '../http/idempotency/idempotent-request';
import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import { ProblemResponses } from '../http/openapi/problem-responses';
import { ParseId } from '../http/parse-id.pipe';
import { messageNotFound } from '../messages/message.errors';
import type { ReplyRef } from '../messages/message.types';
import { MessagesService, type Message } from '../messages/messages.service';
import { TurnProblems } from './api-turn';
import { replyComplete, notAUserMessage } from '../replies/reply.errors';
import { ReplyActions } from '../turns/reply-actions';
import { EditMessageDto, ReplyWishesDto } from './dto/send-message.dto';
import { ContentParser } from './content-parser';
import { EventStream } from './api-event-stream';
import { Client, type TurnClient } from './turn-client.decorator';
import { TurnStreams } from './turn-streams';

const MessageId = () => Param('id', new ParseId(messageNotFound));
const ApiMessageId = (of: 'reply' | 'userMessage') =>
  ApiParam({ name: 'id', format: 'uuid', example: EXAMPLE_IDS[of], description: 'The message.' });

/** Routes that create further versions of messages. The earlier ones stay where they are, as siblings. */
@RequiresScope('chat:write')
@RateLimited('chat')
@ApiTags('chat')
@Controller('messages')
@UseGuards(DrainingGuard)
export class ReplyActionsController {
  constructor(
    private readonly chat: ReplyActions,
    private readonly text: ContentParser,
    private readonly messages: MessagesService,
    private readonly streams: TurnStreams,
  ) {}

  @EventStream(':id/regenerate', RequestMethod.POST)
  @ApiOperation({ summary: 'Reply once more', description: 'A sibling of the reply; the earlier one stays.' })
  @ApiMessageId('reply')
  @ApiBody({ type: ReplyWishesDto, required: false })
  @ApiIdempotent()
  @TurnProblems()
  async regenerateReply(
    @Client() client: TurnClient,
    @MessageId() id: string,
    @Body() options: ReplyWishesDto,
    @Res() response: Response,
  ): Promise<void> {
    return this.stream({ client, response, id }, (reply) => this.chat.regenerate(client, reply, options));
  }

  @EventStream(':id/edit', RequestMethod.POST)
  @ApiOperation({
    summary: 'Say something else instead',
    description: 'A sibling of the user message, and a reply to it; the earlier branch stays.',
  })
  @ApiMessageId('userMessage')
  @ProblemResponses(notAUserMessage)
  @ApiIdempotent()
  @TurnProblems()
  async editMessage(
    @Client() client: TurnClient,
    @MessageId() id: string,
    @Body() body: EditMessageDto,
    @Res() response: Response,
  ): Promise<void> {
    return this.stream({ client, response, id }, (message) =>
      this.chat.edit(client, message, { ...body, content: this.text.parseContent(body) }),
    );
  }

  @EventStream(':id/continue', RequestMethod.POST)
  @ApiOperation({
    summary: 'Go on with a reply',
    description:
      'For a reply that was stopped, interrupted or cut at its length. A sibling of it, which begins with its text; the ' +
      'joined text is one message.',
  })
  @ApiMessageId('reply')
  @ApiBody({ type: ReplyWishesDto, required: false })
  @ProblemResponses(replyComplete)
  @ApiIdempotent()
  @TurnProblems()
  async continueReply(
    @Client() client: TurnClient,
    @MessageId() id: string,
    @Body() options: ReplyWishesDto,
    @Res() response: Response,
  ): Promise<void> {
    return this.stream({ client, response, id }, (reply) => this.chat.continue(client, reply, options));
  }

  private async stream(
    { client, response, id }: { client: TurnClient; response: Response; id: string },
    start: (message: Message) => Promise<ReplyRef>,
  ): Promise<void> {
    const message = await this.messages.get(client.userId, id);
    await this.streams.stream(client, response, message.conversation_id, () => start(message));
  }
}
