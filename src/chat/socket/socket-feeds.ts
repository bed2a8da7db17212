import { Injectable } from '@nestjs/common';
import type { LogReader } from '../../replies/log/reply-log';
import { NamedFeed } from '../../replies/read/named-feed';
import { UserFeed } from '../../replies/read/user-feed';
import { feedErrorEvent } from '../../streaming/with-error-event';
import { withFullText } from '../full-text';
import type { CheckedFrame } from './client-frames';
import { feedFrame } from './server-frames';
import type { SocketClient } from './socket-client';
import { asFrames } from './socket-subscriptions';

/** Key of the user's feed among the subscriptions of a socket, which has one such feed at most. */
const KEY = 'events';

/** Feeds that a socket reads, as the routes of `ReplyStreamsController` and `UserEventsController`. Called by `SocketCommands`. */
@Injectable()
export class SocketFeeds {
  constructor(
    private readonly conversations: NamedFeed,
    private readonly user: UserFeed,
  ) {}

  ofConversation(userId: string, conversationId: string, after: string | undefined): Promise<LogReader> {
    return this.conversations.open(userId, conversationId, after);
  }

  async subscribe({ fields, requestId }: CheckedFrame<'subscribe'>, client: SocketClient): Promise<void> {
    client.subscriptions.assertRoom(KEY);
    const { after, include, full_text = true } = fields;
    const replies = include && withFullText.bind(undefined, full_text);
    const log = await this.user.open(client.identity.userId, { lastEventId: after, replies });
    client.subscriptions.begin({
      key: KEY,
      frames: asFrames(log, feedErrorEvent, (event) => feedFrame(event, requestId)),
      onEnd: () => void client.answer('unsubscribed', {}, requestId),
      onFailure: (error) => void client.refuse(error, requestId),
    });
  }

  async unsubscribe({ requestId }: CheckedFrame<'unsubscribe'>, client: SocketClient): Promise<void> {
    client.subscriptions.end(KEY);
    await client.answer('unsubscribed', {}, requestId);
  }
}
