import { Controller, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { RequiresScope } from '../auth/route-rules.decorator';
import { UserFeed } from '../replies/read/user-feed';
import { StreamResponder } from '../streaming/stream-responder';
import { UserFeedRoute } from './api-event-stream';
import { withFullText } from './full-text';
import { parleyFeedEncoder } from './parley.encoder';
import { ReaderOfFeed, type FeedReader } from './turn-client.decorator';

/** One stream for all conversations of a user, so that a page needs no connection per conversation. */
@RequiresScope('conversations:read')
@ApiTags('chat')
@Controller()
export class UserEventsController {
  constructor(
    private readonly feed: UserFeed,
    private readonly streams: StreamResponder,
  ) {}

  @UserFeedRoute('events', {
    summary: 'Follow what happens in all conversations',
    description:
      'Ids and fields that have changed, from now on or after an event, never the text of a message. An event can be resumed from for two hours, through any ' +
      'instance; after that, and for an id that is not known, a `reset` event comes: read your lists again.',
  })
  async followEvents(
    @ReaderOfFeed() { userId, lastEventId, fullText, chunks }: FeedReader,
    @Res() response: Response,
  ): Promise<void> {
    const replies = chunks ? withFullText.bind(undefined, fullText) : undefined;
    const log = await this.feed.open(userId, { lastEventId, replies });
    this.streams.streamFeed(response, log, parleyFeedEncoder);
  }
}
