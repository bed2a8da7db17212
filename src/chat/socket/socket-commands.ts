import { Injectable } from '@nestjs/common';
import { API_PREFIX } from '../../http/api-prefix';
import { toConversationName } from '../../conversations/conversation-name';
import { idempotentRequest } from '../../http/idempotency/idempotent-request';
import { toMessageResponse } from '../../messages/dto/message.response';
import { ReplyActions } from '../../turns/reply-actions';
import type { LogReader } from '../../replies/log/reply-log';
import { replyErrorEvent } from '../../streaming/with-error-event';
import { ContentParser } from '../content-parser';
import { withFullText } from '../full-text';
import { RepliesService } from '../../replies/replies.service';
import type { CheckedFrame, ClientFrame, Fields } from './client-frames';
import { eventFrame } from './server-frames';
import { SocketFeeds } from './socket-feeds';
import { SocketRules } from './socket-rules';
import { oneSubject } from './socket.errors';
import type { SocketClient } from './socket-client';
import { asFrames, type SubscriptionRequest } from './socket-subscriptions';

/** Route that a `chat` frame is equal to for idempotency: over HTTP the same key and body are the same turn. */
const CHAT_ROUTE = { method: 'POST', path: `/${API_PREFIX}/chat` };

/** Executes frames, as the routes of `ChatController`, `CancelController` and `ReplyStreamsController` do. Called by `SocketSession`. */
@Injectable()
export class SocketCommands {
  constructor(
    private readonly chat: ReplyActions,
    private readonly text: ContentParser,
    private readonly replies: RepliesService,
    private readonly feeds: SocketFeeds,
    private readonly rules: SocketRules,
  ) {}

  /** Settles when the next frame may be processed; subscriptions continue meanwhile. */
  async run(frame: ClientFrame, client: SocketClient): Promise<void> {
    await this.rules.checkFrame(frame.type, client.identity);
    switch (frame.type) {
      case 'chat':
        return this.send(frame, client);
      case 'stop':
        return this.stop(frame, client);
      case 'follow':
        return this.follow(frame, client);
      case 'subscribe':
        return this.feeds.subscribe(frame, client);
      case 'unsubscribe':
        return this.feeds.unsubscribe(frame, client);
      default:
        return this.unfollow(frame, client);
    }
  }

  private async send({ fields, sent, requestId }: CheckedFrame<'chat'>, client: SocketClient): Promise<void> {
    client.subscriptions.assertRoom();
    const { idempotency_key: key, full_text, ...input } = fields;
    const { idempotency_key: _key, full_text: _fullText, ...body } = sent;
    const { userId } = client.identity;
    const request = key === undefined ? undefined : idempotentRequest(userId, key, { ...CHAT_ROUTE, body });
    const reply = await this.chat.sendMessage(
      { userId, request },
      { ...input, content: this.text.parseContent(input) },
    );
    const log = withFullText(full_text ?? true, this.replies.read(reply));
    client.subscriptions.begin(subscriptionTo(client, keyOf('message', reply.messageId), log, requestId));
  }

  private async stop({ fields, requestId }: CheckedFrame<'stop'>, client: SocketClient): Promise<void> {
    const { kind, id } = subjectOf(fields);
    const { userId } = client.identity;
    const reply = await (kind === 'message'
      ? this.replies.stop(userId, id)
      : this.replies.stopRunning(userId, id));
    await client.answer('stopped', toMessageResponse(reply), requestId);
  }

  private async follow({ fields, requestId }: CheckedFrame<'follow'>, client: SocketClient): Promise<void> {
    const { userId } = client.identity;
    const subject = subjectOf(fields);
    const after = fields.after === undefined ? undefined : String(fields.after);
    const fullText = fields.full_text ?? true;
    client.subscriptions.assertRoom(subject.key);
    if (subject.kind === 'conversation') {
      const log = withFullText(fullText, await this.feeds.ofConversation(userId, subject.id, after));
      const onEnd = () => void client.answer('unfollowed', { conversation_id: subject.id }, requestId);
      return client.subscriptions.begin({ ...subscriptionTo(client, subject.key, log, requestId), onEnd });
    }
    const log = await this.replies.resume(userId, subject.id, after);
    if (!log) return client.answer('up_to_date', { message_id: subject.id }, requestId);
    client.subscriptions.begin(subscriptionTo(client, subject.key, withFullText(fullText, log), requestId));
  }

  private async unfollow(
    { fields, requestId }: CheckedFrame<'unfollow'>,
    client: SocketClient,
  ): Promise<void> {
    const { kind, id, key } = subjectOf(fields);
    client.subscriptions.end(key);
    await client.answer('unfollowed', { [`${kind}_id`]: id }, requestId);
  }
}

function subscriptionTo(
  client: SocketClient,
  key: string,
  log: LogReader,
  requestId?: string,
): SubscriptionRequest {
  const frames = asFrames(log, replyErrorEvent, (event) => eventFrame(event, requestId));
  return { key, frames, onFailure: (error) => void client.refuse(error, requestId) };
}

interface Subject {
  kind: 'message' | 'conversation';
  /** Id of the message, or id or key of the conversation. */
  id: string;
  key: string;
}

/** Subject of a frame: one reply, or all replies of a conversation. */
function subjectOf({ message_id, conversation_id }: Fields<'unfollow'>): Subject {
  if (message_id !== undefined && conversation_id === undefined) return asSubject('message', message_id);
  if (conversation_id !== undefined && message_id === undefined)
    return asSubject('conversation', conversation_id);
  throw oneSubject();
}

function asSubject(kind: Subject['kind'], given: string): Subject {
  const id = toConversationName(given) ?? given;
  return { kind, id, key: keyOf(kind, id) };
}

function keyOf(kind: Subject['kind'], id: string): string {
  return `${kind} ${id}`;
}
