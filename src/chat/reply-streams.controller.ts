import { Controller, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { RequiresScope } from '../auth/route-rules.decorator';
import { ConversationName } from '../conversations/conversation-name.decorator';
import { conversationNotFound } from '../conversations/conversation.errors';
import { MessageId } from '../messages/message-id.decorator';
import { messageNotFound } from '../messages/message.errors';
import { NamedFeed } from '../replies/read/named-feed';
import { RepliesService } from '../replies/replies.service';
import { FollowRoute } from './api-event-stream';
import { withFullText } from './full-text';
import { parleyEncoder } from './parley.encoder';
import { Reader, type StreamReader } from './turn-client.decorator';
import { StreamResponder } from '../streaming/stream-responder';

/** Read-only streams. They start no reply, so they can be opened any number of times. */
@RequiresScope('conversations:read')
@ApiTags('chat')
@Controller()
export class ReplyStreamsController {
  constructor(
    private readonly feed: NamedFeed,
    private readonly replies: RepliesService,
    private readonly streams: StreamResponder,
  ) {}

  @FollowRoute('chat/:conversation_id/stream', {
    summary: "Follow a conversation's replies",
    description:
      'The running reply from its start, or one that ended less than 10 s ago and that no feed has shown to its end, then every later ' +
      'one. It stays open across replies; a plain `EventSource` can be opened before the message is posted. With a key that no ' +
      'conversation has it waits for the turn that makes one.',
    problems: [conversationNotFound],
  })
  async followConversation(
    @Reader() { userId, lastEventId, fullText }: StreamReader,
    @ConversationName('conversation_id') name: string,
    @Res() response: Response,
  ): Promise<void> {
    const log = await this.feed.open(userId, name, lastEventId);
    this.streams.stream(response, withFullText(fullText, log), parleyEncoder);
  }

  @ApiNoContentResponse({ description: 'The reader has all of it, the terminal event included.' })
  @FollowRoute('messages/:id/stream', {
    summary: 'Read a reply, live or later',
    description:
      "The reply's log from its start or after an event, then live; it ends with the terminal event.",
    problems: [messageNotFound],
  })
  async followReply(
    @Reader() { userId, lastEventId, fullText }: StreamReader,
    @MessageId('The reply.') id: string,
    @Res() response: Response,
  ): Promise<void> {
    const log = await this.replies.resume(userId, id, lastEventId);
    this.streams.streamOr204(response, log && withFullText(fullText, log), parleyEncoder);
  }
}
