import { Injectable, Logger } from '@nestjs/common';
import { merge } from 'rxjs';
import { Wakeup } from '../../common/wakeup';
import { ConversationsService, type Conversation } from '../../conversations/conversations.service';
import { RemoteKeyWatcher } from '../cluster/remote-key-watcher';
import type { LogReader } from '../log/reply-log';
import { ActiveReplies } from '../produce/active-replies';
import { invalidResumeId } from '../reply.errors';
import { mayHaveBeen, parseLastEventId } from './event-id';
import { ConversationFeed } from './conversation-feed';

/** Delay after which a query that failed is repeated. */
const RETRY_MS = 5_000;

/**
 * The feed of a conversation that is named by its id or its client's key. With a key that no conversation has, the feed waits for one; nothing
 * is stored meanwhile. Called by `ReplyStreamsController`, `SocketCommands`.
 */
@Injectable()
export class NamedFeed {
  private readonly logger = new Logger(NamedFeed.name);

  constructor(
    private readonly conversations: ConversationsService,
    private readonly keys: RemoteKeyWatcher,
    private readonly active: ActiveReplies,
    private readonly feed: ConversationFeed,
  ) {}

  /**
   * Log of the conversation as `ConversationFeed.open`, or of all replies of the one that gets the key.
   * @throws AppError `conversation_not_found`, `invalid_last_event_id`
   */
  async open(userId: string, name: string, lastEventId?: string): Promise<LogReader> {
    const conversation = await this.conversations.findNamed(userId, name);
    if (conversation) return this.feed.open(conversation, lastEventId);
    // The id may be of an earlier conversation with this key, to which a browser reconnects by itself: its feed waits for the next one.
    if (lastEventId && !mayHaveBeen(parseLastEventId(lastEventId).messageId)) throw invalidResumeId();
    return async (listener, signal) => {
      const made = await this.conversationWith(userId, name, signal);
      if (made) await this.feed.all(made)(listener, signal);
    };
  }

  /** Waits for a conversation with the key; undefined if the reader leaves or this process ends. */
  private async conversationWith(
    userId: string,
    key: string,
    signal: AbortSignal,
  ): Promise<Conversation | undefined> {
    const wakeup = new Wakeup();
    // Subscribed before the first query, so that no conversation is missed.
    const subscription = merge(this.keys.useOf(userId, key), this.active.closed$).subscribe(wakeup.wake);
    signal.addEventListener('abort', wakeup.wake);
    try {
      while (!signal.aborted && !this.active.closed) {
        const found = await this.find(userId, key);
        if (found && found !== 'failed') return found;
        await wakeup.wait(found && RETRY_MS);
      }
      return undefined;
    } finally {
      subscription.unsubscribe();
      signal.removeEventListener('abort', wakeup.wake);
    }
  }

  private async find(userId: string, key: string): Promise<Conversation | 'failed' | undefined> {
    try {
      return await this.conversations.findNamed(userId, key);
    } catch (error) {
      this.logger.warn({ err: error }, 'A feed could not look for its conversation; it tries again');
      return 'failed';
    }
  }
}
