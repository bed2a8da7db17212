import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { TransactionRunner } from '../database/transaction-runner';
import { StorageQuota } from '../users/quotas/storage-quota';
import { inPages } from '../users/user-data';
import { ModelDirectory } from '../providers/model-directory';
import type { ConversationEntity } from './conversation.entity';
import { isConversationKey } from './conversation-name';
import { conversationChanged, conversationNotFound, keyTaken, unknownModel } from './conversation.errors';
import { STORAGE_BOUNDS } from '../config/bounds';
import type {
  ConversationFields,
  ConversationFilter,
  ConversationPosition,
  OwnKey,
} from './conversation.types';
import { newConversation } from './new-conversation';
import { ConversationRemoval } from './conversation-removal';
import {
  ConversationsRepository,
  type ChangedConversation,
  type FurtherMessages,
  type WatchedPlace,
} from './conversations.repository';

/** A conversation as other features see it. */
export type Conversation = Readonly<Omit<ConversationEntity, 'user'>>;

const TITLE_LENGTH = 80;

@Injectable()
export class ConversationsService implements OnModuleInit {
  private readonly deleted = new Subject<string>();

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

  /** Ids of conversations that this process has just deleted. */
  get deletions(): Observable<string> {
    return this.deleted;
  }

  async create(userId: string, fields: ConversationFields): Promise<Conversation> {
    await this.checkModel(userId, fields.model);
    const conversation = this.draft(userId, fields);
    const isNew = await this.storage.within(userId, () => this.repository.insert(conversation));
    if (!isNew) throw keyTaken();
    return conversation;
  }

  /** Without messages, with the fields of another one of the same user as they are: its model may be gone, which its next turn says. */
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
    await this.storage.within(user_id, () => this.repository.insert(conversation));
    return conversation;
  }

  /** A conversation that is yet to be stored, with a model that the user has. */
  draft(userId: string, fields: ConversationFields): Conversation {
    return newConversation(userId, withoutAbsent(fields));
  }

  async get(userId: string, id: string): Promise<Conversation> {
    return (await this.repository.find(userId, id)) ?? notFound();
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
    if (!isConversationKey(name)) return name;
    return ((await this.findNamed(userId, name)) ?? notFound()).id;
  }

  /** Of these keys, each of its user, those that a conversation has. */
  takenKeys(keys: readonly OwnKey[]): Promise<OwnKey[]> {
    return this.repository.takenKeys(keys);
  }

  /** `end`: where a search goes on that has found less in as many as it may look at. */
  async list(
    userId: string,
    filter: ConversationFilter,
    after: ConversationPosition | undefined,
    limit: number,
  ): Promise<{ found: Conversation[]; end?: ConversationPosition }> {
    const { limit: most } = STORAGE_BOUNDS.searchedConversations;
    const until = filter.q ? await this.repository.further(userId, filter.archived, after, most) : undefined;
    const found = await this.repository.list(userId, filter, { after, until }, limit);
    return { found, ...(found.length < limit && until && { end: until }) };
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
    const store = () => this.repository.update(userId, id, withoutAbsent(fields), versions);
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
    return this.repository.retitle(conversation, next);
  }

  /** It is gone for everybody at once; what is in it goes with it, or in the background where it is much. */
  async delete(userId: string, id: string): Promise<void> {
    await this.removal.run(userId, id);
    this.deleted.next(id);
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
  changedSince(places: readonly WatchedPlace[]): Promise<ChangedConversation[]> {
    return this.repository.changedSince(places);
  }

  async clearContext(userId: string, id: string): Promise<void> {
    if (!(await this.repository.clearContext(userId, id))) notFound();
  }

  async select(userId: string, id: string, leafId: string): Promise<void> {
    if (!(await this.repository.select(userId, id, leafId))) notFound();
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
