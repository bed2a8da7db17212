import { Injectable } from '@nestjs/common';
import { JOB_BOUNDS } from '../config/bounds';
import { AppError, isNotFound } from '../errors/app-error';
import { ConversationsService, titleFrom, type Conversation } from '../conversations/conversations.service';
import { conversationChanged } from '../conversations/conversation.errors';
import { LlmError } from '../llm/llm-error';
import { MessagesService, type HistoryMessage } from '../messages/messages.service';
import { textOf } from '../messages/content/reply-content';
import { TitleStore } from './title-store';
import type { Said } from './title-text';
import { TitleWriter, tokensFor, type LastReply } from './title-writer';

/** The newest messages of the active path, of which a title is made. */
const MESSAGES = 4;

export const conversationEmpty = () =>
  new AppError(
    'conflict',
    'conversation_empty',
    'Nothing has been said in this conversation that could be its title.',
  );

export const titleFailed = () =>
  new AppError('provider_failed', 'title_failed', 'The model has made no title; try again.');

export const titleTimedOut = () =>
  new AppError('provider_timeout', 'provider_timeout', 'The model has made no title in time.');

/** Names conversations: after their first turn, as a job, and whenever their user asks for it. */
@Injectable()
export class Titles {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
    private readonly writer: TitleWriter,
    private readonly store: TitleStore,
  ) {}

  /**
   * The job after the first complete turn. Does nothing for a conversation that is gone, that somebody has named meanwhile, or whose user has no
   * tokens left today.
   * @throws {LlmError}, {AppError} `title_failed` if the model makes none
   */
  async makeFirst(userId: string, conversationId: string, signal: AbortSignal): Promise<void> {
    const conversation = await this.conversations.get(userId, conversationId).catch(asAbsent);
    if (conversation?.title_source !== 'auto') return;
    await this.make(conversation, signal).catch((error: unknown) => {
      if (!(error instanceof AppError && ['quota_exceeded', 'conversation_empty'].includes(error.code)))
        throw error;
    });
  }

  /**
   * A new title, whosever the present one is: its first words where no model names conversations.
   * @throws {AppError} `conversation_not_found`, `conversation_empty`, `conversation_changed` if a person names it meanwhile,
   *   `quota_exceeded`, `title_failed`, or why no model has answered
   */
  async makeNew(userId: string, conversationId: string): Promise<Conversation> {
    const conversation = await this.conversations.get(userId, conversationId);
    const overdue = new AbortController();
    const timer = setTimeout(() => overdue.abort(), JOB_BOUNDS.titleTime.limit);
    try {
      const named = await this.make(conversation, overdue.signal);
      if (named) return named;
      // It has got a new title meanwhile, as was asked for; what a person says is not written over.
      const now = await this.conversations.get(userId, conversationId);
      if (now.title_source === 'user') throw conversationChanged();
      return now;
    } catch (error) {
      throw overdue.signal.aborted ? titleTimedOut() : asAppError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Undefined if its title has changed meanwhile. */
  private async make(conversation: Conversation, signal: AbortSignal): Promise<Conversation | undefined> {
    const { user_id: userId } = conversation;
    const newest = await this.newest(conversation);
    const said = newest.flatMap(saidIn);
    if (!said.some(({ role }) => role === 'user')) throw conversationEmpty();
    const model = await this.writer.modelFor(userId, lastReplyOf(newest));
    if (!model) {
      const title = titleFrom(await this.firstWords(conversation));
      return this.store.save(userId, undefined, () =>
        this.conversations.retitle(conversation, { title, title_source: 'auto' }),
      );
    }
    await this.store.assertTokens(userId, await tokensFor(said, model));
    const { title, used } = await this.writer.write(userId, model, said, signal);
    const named = await this.store.save(userId, used, async () =>
      title ? this.conversations.retitle(conversation, { title, title_source: 'model' }) : undefined,
    );
    if (!title) throw titleFailed();
    return named;
  }

  private async newest({ id, user_id, active_leaf_id: leafId }: Conversation): Promise<HistoryMessage[]> {
    if (!leafId) return [];
    const page = await this.messages.history({ userId: user_id, conversationId: id }, { leafId }, MESSAGES);
    return page.messages;
  }

  private async firstWords({ id, user_id, active_leaf_id: leafId }: Conversation): Promise<string> {
    const of = { userId: user_id, conversationId: id };
    const { messages } = await this.messages.history(of, { leafId: leafId ?? '', after: 0 }, 1);
    return messages.map(({ parts }) => textOf(parts)).join('');
  }
}

function saidIn({ role, parts, status }: HistoryMessage): Said[] {
  const text = textOf(parts).trim();
  return (role === 'user' || (role === 'assistant' && status === 'completed')) && text
    ? [{ role, text }]
    : [];
}

function lastReplyOf(messages: readonly HistoryMessage[]): LastReply {
  const reply = messages.findLast(({ role, status }) => role === 'assistant' && status === 'completed');
  return { model: reply?.model ?? null, own: reply?.usage?.own === true };
}

function asAppError(error: unknown): unknown {
  if (!(error instanceof LlmError)) return error;
  const kind = error.code === 'provider_timeout' ? 'provider_timeout' : 'provider_failed';
  return new AppError(kind, error.code, error.message);
}

function asAbsent(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}
