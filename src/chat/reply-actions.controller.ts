import { Body, Controller, Res } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { RequiresScope } from '../auth/route-rules.decorator';
import { RateLimited } from '../limits/rate-limited.decorator';
import { MessageId } from '../messages/message-id.decorator';
import type { ReplyRef } from '../messages/message.types';
import { MessagesService, type Message } from '../messages/messages.service';
import { replyComplete, notAUserMessage } from '../replies/reply.errors';
import { ReplyActions } from '../turns/reply-actions';
import { EditMessageDto, ReplyOptionsDto } from './dto/send-message.dto';
import { ContentParser } from './content-parser';
import { TurnRoute } from './api-event-stream';
import { Client, type TurnClient } from './turn-client.decorator';
import { TurnStreams } from './turn-streams';

/** Routes that create further versions of messages. The earlier ones stay where they are, as siblings. */
@RequiresScope('chat:write')
@RateLimited('chat')
@ApiTags('chat')
@Controller('messages')
export class ReplyActionsController {
  constructor(
    private readonly actions: ReplyActions,
    private readonly text: ContentParser,
    private readonly messages: MessagesService,
    private readonly streams: TurnStreams,
  ) {}

  @ApiBody({ type: ReplyOptionsDto, required: false })
  @TurnRoute(':id/regenerate', {
    summary: 'Reply once more',
    description: 'A sibling of the reply; the earlier one stays.',
  })
  async regenerateReply(
    @Client() client: TurnClient,
    @MessageId() id: string,
    @Body() options: ReplyOptionsDto,
    @Res() response: Response,
  ): Promise<void> {
    return this.stream({ client, response, id }, (reply) => this.actions.regenerate(client, reply, options));
  }

  @TurnRoute(':id/edit', {
    summary: 'Say something else instead',
    description: 'A sibling of the user message, and a reply to it; the earlier branch stays.',
    problems: [notAUserMessage],
  })
  async editMessage(
    @Client() client: TurnClient,
    @MessageId('The message.', 'userMessage') id: string,
    @Body() body: EditMessageDto,
    @Res() response: Response,
  ): Promise<void> {
    return this.stream({ client, response, id }, (message) =>
      this.actions.edit(client, message, { ...body, content: this.text.parseContent(body) }),
    );
  }

  @ApiBody({ type: ReplyOptionsDto, required: false })
  @TurnRoute(':id/continue', {
    summary: 'Go on with a reply',
    description:
      'For a reply that was stopped, interrupted or cut at its length. A sibling of it, which begins with its text; the ' +
      'joined text is one message.',
    problems: [replyComplete],
  })
  async continueReply(
    @Client() client: TurnClient,
    @MessageId() id: string,
    @Body() options: ReplyOptionsDto,
    @Res() response: Response,
  ): Promise<void> {
    return this.stream({ client, response, id }, (reply) => this.actions.continue(client, reply, options));
  }

  private async stream(
    { client, response, id }: { client: TurnClient; response: Response; id: string },
    start: (message: Message) => Promise<ReplyRef>,
  ): Promise<void> {
    const message = await this.messages.get(client.userId, id);
    await this.streams.stream(client, response, message.conversation_id, () => start(message));
  }
}
