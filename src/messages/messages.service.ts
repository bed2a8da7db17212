import { Injectable } from '@nestjs/common';
import { ConversationsService } from '../conversations/conversations.service';
import { messageNotFound } from './message.errors';
import type { MessageEntity } from './message.entity';
import type { ConversationRef, CountedMessage, ReplyOutcome, ReplyRef, WrittenReply } from './message.types';
import type { GivenFeedback } from './given-feedback';
import { MessagesRepository, type ClosedRow, type MessageHeader } from './messages.repository';
import { PathsRepository, type ContextQuery, type PathMessage } from './paths.repository';
import type { StorableContent } from './content/reply-content';
import type { Siblings } from './siblings';
import { SlotQueue } from './slot-queue';

export type { MessageHeader } from './messages.repository';
/** A message as other features see it. */
export type Message = Readonly<Omit<MessageEntity, 'conversation'>>;
export type HistoryMessage = PathMessage & ShownPosition;
/** A message's place among its versions, the user's feedback on it, and its place (from 1) in the queue of its model if it waits for a slot. */
type ShownPosition = Siblings & { feedback: GivenFeedback | null; queue_position?: number };
/** A reply as it has just been closed. */
export type ClosedReply = ClosedRow & ReplyOutcome & Pick<Message, 'parts'>;

/** Position of a page on the path that ends at `leafId`: messages before or after a depth; the newest ones without either. */
export interface PathPosition {
  leafId: string;
  before?: number;
  after?: number;
}

export interface HistoryPage {
  /** Oldest first. */
  messages: HistoryMessage[];
  /** Position of the next page in the same direction. */
  next?: PathPosition;
}

/** A version of a message, and where the path through it ends. */
export type Version = HistoryMessage & { leaf_id: string };

export interface VersionsPage {
  /** Oldest first. */
  versions: Version[];
  /** The sequence after which the next page begins. */
  next?: number;
}

const EXPORT_PAGE = 100;
const DEEPEST = 2 ** 31 - 1;

@Injectable()
export class MessagesService {
  constructor(
    private readonly messages: MessagesRepository,
    private readonly paths: PathsRepository,
    private readonly conversations: ConversationsService,
    private readonly slots: SlotQueue,
  ) {}

  async get(userId: string, id: string): Promise<Message> {
    return (await this.messages.find(userId, id)) ?? notFound();
  }

  async header(userId: string, id: string): Promise<MessageHeader> {
    return (await this.messages.header(userId, id)) ?? notFound();
  }

  /** The header; undefined, instead of an error, if there is no such message. */
  findHeader(userId: string, id: string): Promise<MessageHeader | undefined> {
    return this.messages.header(userId, id);
  }

  /** Headers of the given messages that are replies of the user. */
  replies(userId: string, ids: string[]): Promise<MessageHeader[]> {
    return this.messages.replies(userId, ids);
  }

  /**
   * Texts of messages by id. Undefined: not read, since the texts before it have `most` characters already. Removed messages are left out.
   */
  async texts(userId: string, ids: string[], most: number): Promise<Map<string, string | undefined>> {
    const rows = ids.length ? await this.messages.texts(userId, ids, most) : [];
    return new Map(rows.map(({ id, text }) => [id, text ?? undefined]));
  }

  async getWithSiblings(userId: string, id: string): Promise<Message & ShownPosition> {
    const message = await this.get(userId, id);
    const of = { userId, conversationId: message.conversation_id };
    return (await this.withPlaces(of, [message]))[0];
  }

  /** The message at the end of a path: the one asked for, or that of the active path; undefined in an empty conversation. */
  async leafOf(userId: string, conversationId: string, asked?: string): Promise<string | undefined> {
    const conversation = await this.conversations.get(userId, conversationId);
    if (!asked) return conversation.active_leaf_id ?? undefined;
    const leaf = await this.header(userId, asked);
    return leaf.conversation_id === conversationId ? leaf.id : notFound();
  }

  async history(of: ConversationRef, position: PathPosition, limit: number): Promise<HistoryPage> {
    const forward = position.after !== undefined;
    const rows = forward
      ? await this.paths.after(of, position.leafId, position.after ?? 0, limit + 1)
      : await this.paths.before(of, position.leafId, position.before ?? DEEPEST, limit + 1);
    const page = rows.slice(0, limit);
    const last = page.at(-1)?.depth;
    const next =
      (rows[0]?.found ?? 0) > page.length
        ? { leafId: position.leafId, [forward ? 'after' : 'before']: last }
        : undefined;
    return { messages: await this.withPlaces(of, forward ? page : page.toReversed()), next };
  }

  /** The versions of a message, itself among them, made after a sequence. */
  async versions(userId: string, id: string, after: number, limit: number): Promise<VersionsPage> {
    const { conversation_id: conversationId, parent_id } = await this.header(userId, id);
    const of = { userId, conversationId };
    const { active_leaf_id } = await this.conversations.get(userId, conversationId);
    const rows = await this.paths.versions(of, parent_id, after, limit + 1);
    const page = rows.slice(0, limit);
    const ids = page.map((version) => version.id);
    const leaves = ids.length ? await this.paths.leavesBelow(of, active_leaf_id, ids) : undefined;
    const versions = await this.withPlaces(of, page);
    return {
      versions: versions.map((version) => ({ ...version, leaf_id: leaves?.get(version.id) ?? version.id })),
      next: (rows[0]?.found ?? 0) > page.length ? page.at(-1)?.sequence : undefined,
    };
  }

  /** The end of the path through a message of this conversation: the leaf that was last active below it. */
  async leafThrough(userId: string, conversationId: string, messageId: string): Promise<string> {
    const { active_leaf_id } = await this.conversations.get(userId, conversationId);
    const leaves = await this.paths.leavesBelow({ userId, conversationId }, active_leaf_id, [messageId]);
    return leaves.get(messageId) ?? notFound();
  }

  private async withPlaces<T extends Pick<Message, 'id' | 'parent_id' | 'status' | 'model'>>(
    of: ConversationRef,
    messages: readonly T[],
  ): Promise<(T & ShownPosition)[]> {
    const found = messages.length ? await this.paths.siblings(of, messages) : [];
    const siblings = new Map(found.map(({ id, ...place }) => [id, place]));
    const queued = await this.slots.places(messages);
    // A message that was removed since it was read is shown as its only version.
    return messages.map((message) => {
      const alone = { sibling_count: 1, sibling_position: 1, sibling_ids: [message.id], feedback: null };
      const place = siblings.get(message.id) ?? alone;
      const queue_position = queued.get(message.id);
      return {
        ...message,
        ...place,
        ...(place.sibling_ids.length < place.sibling_count && { sibling_ids_truncated: true as const }),
        ...(queue_position !== undefined && { queue_position }),
      };
    });
  }

  /** Messages of the path to this message that a model sees, oldest first (`PathsRepository.context`). */
  context(userId: string, query: ContextQuery): Promise<CountedMessage[]> {
    return this.paths.context(userId, query);
  }

  /** Closes a reply and stores its content; undefined if `writer` does not write it any more. */
  async finishReply(
    writer: WrittenReply,
    content: StorableContent,
    outcome: ReplyOutcome & { tokens: number; model?: string; provider?: string },
  ): Promise<ClosedReply | undefined> {
    const { parts, eventLengths: event_lengths } = content;
    const row = await this.messages.closeReply(writer, { ...outcome, parts, event_lengths });
    return row && { ...outcome, ...row, parts };
  }

  /** The conversation's replies made after a sequence, in order. */
  repliesAfter(of: ConversationRef, sequence: number, limit: number): Promise<MessageHeader[]> {
    return this.messages.repliesAfter(of, sequence, limit);
  }

  /** All messages of the user, conversation by conversation, branches included. */
  async *all(userId: string): AsyncGenerator<Message> {
    for await (const { id } of this.conversations.all(userId)) {
      for (let sequence = 0; ;) {
        const page = await this.messages.listAll({ userId, conversationId: id }, sequence, EXPORT_PAGE);
        yield* page;
        const last = page.at(-1);
        if (!last) break;
        ({ sequence } = last);
      }
    }
  }

  /** The number of the user's last event (`src/user-events/`), and the replies that run at that moment: the first `limit` of them. */
  runningReplies(userId: string, limit: number): Promise<{ seq: number; replies: ReplyRef[] }> {
    return this.messages.runningReplies(userId, limit);
  }

  runningReply(of: ConversationRef): Promise<MessageHeader | undefined> {
    return this.messages.runningReply(of);
  }

  /** The conversation's last reply that is not queued. */
  lastReply(of: ConversationRef): Promise<MessageHeader | undefined> {
    return this.messages.lastReply(of);
  }
}

function notFound(): never {
  throw messageNotFound();
}
