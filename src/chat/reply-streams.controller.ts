import { Controller, Param, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { StreamRoute } from '../auth/stream-route.decorator';
import { conversationNotFound } from '../conversations/conversation.errors';
import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import { ProblemResponses } from '../http/openapi/problem-responses';
import { RateLimited } from '../limits/rate-limited.decorator';
import { ParseId } from '../http/parse-id.pipe';
import { messageNotFound } from '../messages/message.errors';
import { ApiConversationId } from './api-turn';
import { invalidResumeId } from '../replies/reply.errors';
import { ConversationFeed } from '../replies/read/conversation-feed';
import { RepliesService } from '../replies/replies.service';
import { EventStream } from './api-event-stream';
import { FullText, invalidFullText, withFullText } from './full-text';
import { parleyEncoder } from './parley.encoder';
import { ResumeFrom } from '../streaming/resume-from.decorator';
import { StreamResponder } from '../streaming/stream-responder';

/** Read-only streams. They start no reply, so they can be opened any number of times. */
@RequiresScope('conversations:read')
@ApiTags('chat')
@Controller()
export class ReplyStreamsController {
  constructor(
    private readonly feed: ConversationFeed,
    private readonly replies: RepliesService,
    private readonly streams: StreamResponder,
  ) {}

  @EventStream('chat/:conversation_id/stream')
  @StreamRoute()
  @RateLimited('stream')
  @ApiOperation({
    summary: "Follow a conversation's replies",
    description:
      'The running reply from its start, then every later one. It stays open across replies; a plain `EventSource` can ' +
      'be opened before the message is posted.',
  })
  @ApiConversationId()
  @ProblemResponses(invalidResumeId, invalidFullText, conversationNotFound)
  async followConversation(
    @CurrentUser() userId: string,
    @Param('conversation_id', new ParseId(conversationNotFound)) id: string,
    @ResumeFrom() lastEventId: string | undefined,
    @FullText() fullText: boolean,
    @Res() response: Response,
  ): Promise<void> {
    const log = await this.feed.open(userId, id, lastEventId);
    this.streams.stream(response, withFullText(fullText, log), parleyEncoder);
  }

  @EventStream('messages/:id/stream')
  @StreamRoute()
  @RateLimited('stream')
  @ApiOperation({
    summary: 'Read a reply, live or later',
    description:
      "The reply's log from its start or after an event, then live; it ends with the terminal event.",
  })
  @ApiParam({ name: 'id', format: 'uuid', example: EXAMPLE_IDS.reply, description: 'The reply.' })
  @ApiNoContentResponse({ description: 'The reader has all of it, the terminal event included.' })
  @ProblemResponses(invalidResumeId, invalidFullText, messageNotFound)
  async followReply(
    @CurrentUser() userId: string,
    @Param('id', new ParseId(messageNotFound)) id: string,
    @ResumeFrom() lastEventId: string | undefined,
    @FullText() fullText: boolean,
    @Res() response: Response,
  ): Promise<void> {
    const log = await this.replies.resume(userId, id, lastEventId);
    this.streams.streamOr204(response, log && withFullText(fullText, log), parleyEncoder);
  }
}
