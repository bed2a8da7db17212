import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { TransactionRunner } from '../database/transaction-runner';
import { StorageQuota } from '../users/quotas/storage-quota';
import { inPages } from '../users/user-data';
import { ModelDirectory } from '../providers/model-directory';
import type { UserEvent } from '../user-events/dto/user-event.dto';
import { conversationCreated, conversationUpdated, shortOnes, titleEvent } from './conversation-events';
import type { ConversationEntity } from './conversation.entity';
import { isNotFound } from '../errors/app-error';
import { isConversationKey, toConversationName } from './conversation-name';
import { conversationChanged, conversationNotFound, keyTaken, unknownModel } from './conversation.errors';
import type {
  ChangedConversation,
  ConversationFields,
  FurtherMessages,
  OwnKey,
  RemovedMessages,
  WatchedPosition,
} from './conversation.types';
import { newConversation } from './new-conversation';
import { ConversationRemoval } from './conversation-removal';
import { ConversationsRepository } from './conversations.repository';

/** A conversation as other features see it. */
export type Conversation = Readonly<Omit<ConversationEntity, 'user'>>;

const TITLE_LENGTH = 80;

@Injectable()
export class ConversationsService implements OnModuleInit {
  private readonly deleted = new Subject<string>();
  private readonly retitled = new Subject<string>();

  constructor(
    private readonly repository: ConversationsRepository,
    private readonly models: ModelDirectory,
    private readonly db: TransactionRunner,
    private readonly storage: StorageQuota,
    private readonly removal: ConversationRemoval,
  ) {}

  onModuleInit(): void {
    this.storage.count((userId) => this.repository.storedBytes(userId));
  }

  /** Ids of conversations whose title this process has just taken back. */
  get retitles(): Observable<string> {
    return this.retitled;
  }

  /** Ids of conversations that this process has just deleted. */
  get deletions(): Observable<string> {
    return this.deleted;
  }

  async create(userId: string, fields: ConversationFields): Promise<Conversation> {
    await this.checkModel(userId, fields.model);
    const conversation = this.draft(userId, fields);
    const events = [conversationCreated(conversation)];
    const isNew = await this.storage.within(userId, () => this.repository.insert(conversation, events));
    if (!isNew) throw keyTaken();
    return conversation;
  }

  /**
   * Creates a conversation without messages, with the fields of another one of the user, unchecked: a model that is gone is reported by the
   * next turn. The event for the user's feed follows by `announceCreated`, once the conversation is complete.
   */
  async createLike({
    user_id,
    title,
    title_source,
    model,
    system_prompt,
    settings,
    metadata,
  }: Conversation): Promise<Conversation> {
    const fields = { title, model, system_prompt, settings, metadata };
    const conversation = { ...this.draft(user_id, fields), title_source };
    await this.storage.within(user_id, () => this.repository.insert(conversation, []));
    return conversation;
  }

  /** Appends the event of a new conversation to the user's feed; to be called last in the transaction. */
  announceCreated(conversation: Conversation): Promise<void> {
    return this.tell(conversation.user_id, [conversationCreated(conversation)]);
  }

  /** Appends events to the user's feed; to be called last in the transaction of the change. */
  tell(userId: string, events: UserEvent[]): Promise<void> {
    return this.repository.tell(userId, events);
  }

  /** A conversation that is not stored yet; the caller has checked its model. */
  draft(userId: string, fields: ConversationFields): Conversation {
    return newConversation(userId, withoutAbsent(fields));
  }

  async get(userId: string, id: string): Promise<Conversation> {
    return (await this.repository.find(userId, id)) ?? notFound();
  }

  /** The given conversations that exist. */
  getSome(userId: string, ids: string[]): Promise<Conversation[]> {
    return this.repository.findSome(userId, ids);
  }

  /**
   * The conversation with this id or key (`conversation-name.ts`); undefined for a key that no conversation has.
   * @throws AppError `conversation_not_found` for any other name
   */
  async findNamed(userId: string, name: string): Promise<Conversation | undefined> {
    if (!isConversationKey(name)) return this.get(userId, name);
    return (await this.repository.findByKey(userId, name)) ?? undefined;
  }

  /**
   * The id of the conversation with this key; an id is answered as it is, whether or not there is a conversation.
   * @throws AppError `conversation_not_found`
   */
  async idOf(userId: string, name: string): Promise<string> {
    if (!isConversationKey(name)) return toConversationName(name) ?? name;
    return ((await this.findNamed(userId, name)) ?? notFound()).id;
  }

  /** The given keys that a conversation of their user has. */
  takenKeys(keys: readonly OwnKey[]): Promise<OwnKey[]> {
    return this.repository.takenKeys(keys);
  }

  /** All conversations of the user, archived ones included. */
  all(userId: string): AsyncIterable<Conversation> {
    return inPages((after, limit) => this.repository.listAll(userId, after, limit));
  }

  /** Changes fields. `versions`: only if the conversation still has one of these versions. */
  async update(
    userId: string,
    id: string,
    fields: ConversationFields,
    versions?: number[],
  ): Promise<Conversation> {
    await this.checkModel(userId, fields.model);
    const changes = withoutAbsent(fields);
    const store = () =>
      this.db.run(async () => {
        const changed = await this.repository.update(userId, id, changes, versions);
        const events = Object.keys(changes).length ? [conversationUpdated(id, shortOnes(changes))] : [];
        if (changed && changes.title !== undefined) await this.repository.indexTitle(changed);
        if (changed) await this.repository.tell(userId, events);
        return changed;
      });
    const updated = await (holdsText(fields) ? this.storage.within(userId, store) : store());
    if (updated) return updated;
    await this.get(userId, id);
    throw conversationChanged();
  }

  /** Replaces the title by a model's or by first words (`auto`); undefined if the title has changed since it was read. */
  retitle(
    conversation: Conversation,
    next: { title: string; title_source: 'auto' | 'model' },
  ): Promise<Conversation | undefined> {
    return this.db.run(async () => {
      const named = await this.repository.retitle(conversation, next);
      if (named) {
        await this.repository.indexTitle(named);
        await this.repository.tell(named.user_id, [titleEvent(named.id, next.title)]);
      }
      return named;
    });
  }

  /**
   * Replaces the title of a locked conversation whose first message was removed, if it was made of its words or by a model, whose title may be
   * about it. Answers the event for the user's feed, which replaces the earlier titles (`tellTitle`); undefined if the title stays.
   * @param words text of the removed message
   * @param next text of another first message; undefined if none is left
   */
  async forgetWords(
    conversation: Conversation,
    words: string,
    next: string | undefined,
  ): Promise<UserEvent | undefined> {
    const { id, title, title_source } = conversation;
    const isOfWords = title_source === 'auto' && title === titleFrom(words);
    if (!isOfWords && title_source !== 'model') return undefined;
    const named = { title: next === undefined ? null : titleFrom(next), title_source: 'auto' as const };
    const changed = await this.repository.retitle(conversation, named);
    if (changed) await this.repository.indexTitle(changed);
    return titleEvent(id, named.title);
  }

  /** Marks a locked conversation that has no messages any more as read; answers whether it was unread. */
  markEmpty(userId: string, id: string): Promise<boolean> {
    return this.repository.markRead(userId, id);
  }

  /** Appends the event of a new title to the user's feed and removes the earlier titles from it; to be called last in the transaction. */
  async tellTitle(userId: string, id: string, event: UserEvent): Promise<void> {
    await this.repository.forgetTitles(userId, id);
    await this.repository.tell(userId, [event]);
    this.db.afterCommit(() => this.retitled.next(id));
  }

  /** Deletes a conversation, at once for all readers. Its contents are removed too, or in the background if they are many. */
  async delete(userId: string, id: string): Promise<void> {
    await this.removal.run(userId, id);
    this.deleted.next(id);
  }

  /** Deletes these conversations, each in a transaction of its own; answers the ids of those that existed. */
  async deleteAll(userId: string, names: string[]): Promise<string[]> {
    const deleted: string[] = [];
    for (const name of names) {
      const id = await this.deleteNamed(userId, name).catch(asMissing);
      if (id !== undefined) deleted.push(id);
    }
    return deleted;
  }

  private async deleteNamed(userId: string, name: string): Promise<string> {
    const id = await this.idOf(userId, name);
    await this.delete(userId, id);
    return id;
  }

  /** Marks the conversation as read by its user. */
  async markRead(userId: string, id: string): Promise<void> {
    const changed = await this.db.run(async () => {
      const isNews = await this.repository.markRead(userId, id);
      if (isNews) await this.repository.tell(userId, [conversationUpdated(id, { unread: false })]);
      return isNews;
    });
    if (!changed) await this.get(userId, id);
  }

  /** Does work that changes the stored bytes of a conversation, under its lock; `bytes` of the result is the difference. */
  resize<T extends { bytes: number }>(userId: string, id: string, work: () => Promise<T>): Promise<T> {
    return this.db.run(async () => {
      await this.lock(userId, id);
      const done = await work();
      if (done.bytes) await this.repository.grow(userId, id, done.bytes);
      return done;
    });
  }

  /** The given conversations that have messages after a sequence, have changed since a version, or are gone (null). */
  changedSince(positions: readonly WatchedPosition[]): Promise<ChangedConversation[]> {
    return this.repository.changedSince(positions);
  }

  async clearContext(userId: string, id: string): Promise<void> {
    await this.db.run(async () => {
      if (!(await this.repository.clearContext(userId, id))) notFound();
      await this.repository.tell(userId, [conversationUpdated(id, { context_cleared: true })]);
    });
  }

  /** Makes the path that ends at a message the active one; to be called last in the transaction. */
  async select(userId: string, id: string, leafId: string): Promise<void> {
    await this.moveTo(userId, id, leafId);
    await this.repository.tell(userId, [conversationUpdated(id, { active_message_id: leafId })]);
  }

  /** As `select`, without an event: the caller appends it. `leafId`: null if no message is left. */
  async moveTo(userId: string, id: string, leafId: string | null): Promise<void> {
    if (!(await this.repository.select(userId, id, leafId))) notFound();
  }

  /** Updates the counters of a locked conversation from which messages were removed. */
  shrink(userId: string, id: string, removed: RemovedMessages): Promise<void> {
    return this.repository.shrink(userId, id, removed);
  }

  /** Sequence of a removed reply; undefined if it was not removed, or is not among the last ones (`STORAGE_BOUNDS.removedReplies`). */
  sequenceOfRemoved(userId: string, id: string, replyId: string): Promise<number | undefined> {
    return this.repository.sequenceOfRemoved(userId, id, replyId);
  }

  /** The conversation, locked against other turns until the transaction around this call ends. */
  async lock(userId: string, id: string): Promise<Conversation> {
    return (await this.repository.lock(userId, id)) ?? notFound();
  }

  /** Records the messages that were added to an empty conversation. */
  recordMessages(userId: string, id: string, messages: FurtherMessages): Promise<void> {
    return this.repository.recordMessages(userId, id, messages);
  }

  private async checkModel(userId: string, model: string | null | undefined): Promise<void> {
    if (model && !(await this.models.resolve(userId, model))) throw unknownModel();
  }
}

function notFound(): never {
  throw conversationNotFound();
}

function asMissing(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}

/** Whether fields need a check of the storage quota: a user who has reached it can still archive and pin. */
function holdsText({ title, system_prompt, settings, metadata }: ConversationFields): boolean {
  return Boolean(title || system_prompt || settings || metadata);
}

/** Fields without undefined ones, which would overwrite values. */
function withoutAbsent(fields: ConversationFields): ConversationFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Title of a conversation that has none: the beginning of its first message. */
export function titleFrom(content: string): string {
  const line = content.trim().replace(/\s+/g, ' ') || 'Untitled';
  const characters = Array.from(line.slice(0, 4 * TITLE_LENGTH));
  return characters.length <= TITLE_LENGTH ? line : `${characters.slice(0, TITLE_LENGTH - 1).join('')}…`;
}
