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
   * Without messages, with the fields of another one of the same user as they are: its model may be gone, which its next turn says. The
   * user's feed hears of it by `announceCreated`, once it is complete.
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

  /** To be called last in the transaction. */
  announceCreated(conversation: Conversation): Promise<void> {
    return this.tell(conversation.user_id, [conversationCreated(conversation)]);
  }

  /** What the user's feed says of a change, in its transaction and last. */
  tell(userId: string, events: UserEvent[]): Promise<void> {
    return this.repository.tell(userId, events);
  }

  /** A conversation that is yet to be stored, with a model that the user has. */
  draft(userId: string, fields: ConversationFields): Conversation {
    return newConversation(userId, withoutAbsent(fields));
  }

  async get(userId: string, id: string): Promise<Conversation> {
    return (await this.repository.find(userId, id)) ?? notFound();
  }

  /** Those of these that are there. */
  getSome(userId: string, ids: string[]): Promise<Conversation[]> {
    return this.repository.findSome(userId, ids);
  }

  /**
   * By its id or its key (`conversation-name.ts`); undefined for a key that none has.
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

  /** Of these keys, each of its user, those that a conversation has. */
  takenKeys(keys: readonly OwnKey[]): Promise<OwnKey[]> {
    return this.repository.takenKeys(keys);
  }

  /** All of the user, archived ones included. */
  all(userId: string): AsyncIterable<Conversation> {
    return inPages((after, limit) => this.repository.listAll(userId, after, limit));
  }

  /** `versions`: change it only if it still is one of these. */
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

  /** Names it for a model, or by its first words (`auto`), unless its title has changed since it was read; undefined then. */
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
   * A first message has been removed from a conversation that is locked: a title made of its words goes with it, and one that a model made, which may
   * be about it, is made anew. Answers what the caller tells the user's feed, in place of the titles of before (`tellTitle`).
   * @param next what another first message says; undefined where none is left
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

  /** No message is left in a conversation that is locked, so nothing is unread; whether something was. */
  markEmpty(userId: string, id: string): Promise<boolean> {
    return this.repository.markRead(userId, id);
  }

  /** Tells the feed of a title whose last one is to be forgotten, as the last thing of the transaction. */
  async tellTitle(userId: string, id: string, event: UserEvent): Promise<void> {
    await this.repository.forgetTitles(userId, id);
    await this.repository.tell(userId, [event]);
    this.db.afterCommit(() => this.retitled.next(id));
  }

  /** It is gone for everybody at once; what is in it goes with it, or in the background where it is much. */
  async delete(userId: string, id: string): Promise<void> {
    await this.removal.run(userId, id);
    this.deleted.next(id);
  }

  /** Those of these conversations that were there, each gone for itself. */
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

  /** The user has read all that is in it now. */
  async markRead(userId: string, id: string): Promise<void> {
    const changed = await this.db.run(async () => {
      const isNews = await this.repository.markRead(userId, id);
      if (isNews) await this.repository.tell(userId, [conversationUpdated(id, { unread: false })]);
      return isNews;
    });
    if (!changed) await this.get(userId, id);
  }

  /** Does what changes by how many bytes more or less the conversation stores, while nobody else does. */
  resize<T extends { bytes: number }>(userId: string, id: string, work: () => Promise<T>): Promise<T> {
    return this.db.run(async () => {
      await this.lock(userId, id);
      const done = await work();
      if (done.bytes) await this.repository.grow(userId, id, done.bytes);
      return done;
    });
  }

  /** Of these conversations, those that have messages after a sequence, have changed since a version, or are gone (null). */
  changedSince(positions: readonly WatchedPosition[]): Promise<ChangedConversation[]> {
    return this.repository.changedSince(positions);
  }

  async clearContext(userId: string, id: string): Promise<void> {
    await this.db.run(async () => {
      if (!(await this.repository.clearContext(userId, id))) notFound();
      await this.repository.tell(userId, [conversationUpdated(id, { context_cleared: true })]);
    });
  }

  /** Has the active path end at a message; to be called last in the transaction. */
  async select(userId: string, id: string, leafId: string): Promise<void> {
    await this.moveTo(userId, id, leafId);
    await this.repository.tell(userId, [conversationUpdated(id, { active_message_id: leafId })]);
  }

  /** The same where the caller tells the user's feed. `leafId`: null where no message is left. */
  async moveTo(userId: string, id: string, leafId: string | null): Promise<void> {
    if (!(await this.repository.select(userId, id, leafId))) notFound();
  }

  /** Messages have been removed from a conversation that is locked. */
  shrink(userId: string, id: string, removed: RemovedMessages): Promise<void> {
    return this.repository.shrink(userId, id, removed);
  }

  /** The sequence of a reply that was removed; undefined where it was not, or too long ago (`STORAGE_BOUNDS.removedReplies`). */
  sequenceOfRemoved(userId: string, id: string, replyId: string): Promise<number | undefined> {
    return this.repository.sequenceOfRemoved(userId, id, replyId);
  }

  /** The conversation, kept from other turns until the transaction around this call ends. */
  async lock(userId: string, id: string): Promise<Conversation> {
    return (await this.repository.lock(userId, id)) ?? notFound();
  }

  /** The conversation, which was empty, has got messages. */
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

/** Whoever has stored all that they may can still archive and pin. */
function holdsText({ title, system_prompt, settings, metadata }: ConversationFields): boolean {
  return Boolean(title || system_prompt || settings || metadata);
}

/** What is absent keeps its value. */
function withoutAbsent(fields: ConversationFields): ConversationFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** What names a conversation that has no title: the beginning of what is said first. */
export function titleFrom(content: string): string {
  const line = content.trim().replace(/\s+/g, ' ') || 'Untitled';
  const characters = Array.from(line.slice(0, 4 * TITLE_LENGTH));
  return characters.length <= TITLE_LENGTH ? line : `${characters.slice(0, TITLE_LENGTH - 1).join('')}…`;
}
