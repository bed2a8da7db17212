import type { Conversation } from '../../src/conversations/conversations.service';
import type { MessageEntity } from '../../src/messages/message.entity';
import type { MessageStatus, WaitingConversation } from '../../src/messages/message.types';
import type { ClosedRow, ReplyEnd } from '../../src/messages/messages.repository';
import type { BegunReply } from '../../src/messages/queue.repository';
import type { TurnMessage, TurnPlace } from '../../src/messages/turn-messages';
import type { ConversationChanges } from '../../src/messages/turns.repository';
import { violation, WAIT, type Row } from './tables';
import { Transaction } from './transaction';

const DEFAULTS = {
  event_lengths: null,
  tokens: 0,
  model: null,
  provider: null,
  usage: null,
  reserved_tokens: null,
  finish_reason: null,
  error: null,
  attempts: [],
  instance_id: null,
  stop_requested: false,
  awaited: false,
  queued_request: null,
};

/** The statements about conversations and their messages. */
export class MessageStatements extends Transaction {
  private readonly moved = new Map<string, Conversation>();

  // Turns

  lockConversation(id: string): Conversation | undefined {
    this.tables.lock(this, `conversation ${id}`, true);
    return this.conversation(id);
  }

  place(conversationId: string): TurnPlace | undefined {
    const conversation = this.conversation(conversationId);
    if (!conversation) return undefined;
    const parent = conversation.active_leaf_id ? this.message(conversation.active_leaf_id) : undefined;
    const has_children = this.messages.some((row) => row.parent_id === parent?.id);
    const queued = this.those(conversationId, 'queued').length > 0;
    return { conversation, parent: parent && { ...parent, has_children }, queued };
  }

  /** Whether the conversation was as it has been found. */
  storeTurn(found: Conversation, messages: TurnMessage[], changes: ConversationChanges): boolean {
    const now = this.lockConversation(found.id);
    if (now?.last_sequence !== found.last_sequence || now.active_leaf_id !== found.active_leaf_id)
      return false;
    for (const row of messages) this.assertInsertable(row);
    for (const row of messages) this.put({ ...DEFAULTS, ...row });
    const moved = { ...now, active_leaf_id: changes.leafId, last_sequence: changes.sequence };
    this.moved.set(found.id, moved);
    this.writes.push(() => this.tables.conversations.set(found.id, moved));
    return true;
  }

  private assertInsertable(row: TurnMessage): void {
    if (row.instance_id) this.refer(row.instance_id, 'fk_messages_instance');
    const open = row.status === 'streaming' ? this.running(row.conversation_id) : undefined;
    // Whoever is closing it may still roll back.
    if (open && this.tables.lockedByAnother(this, `message ${open.id}`, true)) throw WAIT;
    if (open) throw violation('23505', 'uq_messages_streaming');
  }

  // Replies

  message(id: string): Row | undefined {
    return this.changed.get(id) ?? this.tables.messages.get(id);
  }

  running(conversationId: string): Row | undefined {
    return this.those(conversationId, 'streaming')[0];
  }

  lastReply(conversationId: string): Row | undefined {
    const replies = this.messages.filter(
      (row) => row.conversation_id === conversationId && row.role === 'assistant' && row.status !== 'queued',
    );
    return replies.sort((a, b) => b.sequence - a.sequence)[0];
  }

  openRepliesOf(instanceIds: string[]): MessageEntity[] {
    return this.messages.filter(
      (row) => row.status === 'streaming' && instanceIds.includes(row.instance_id ?? ''),
    );
  }

  closeReply(id: string, { model, provider, ...end }: ReplyEnd): ClosedRow | undefined {
    const whose = { ...(model && { model }), ...(provider && { provider }) };
    const open = this.message(id);
    if (open?.status === 'streaming') this.lockConversation(open.conversation_id);
    return this.update(id, 'streaming', { ...end, ...whose, updated_at: new Date(), instance_id: null });
  }

  requestStop(id: string): void {
    this.update(id, 'streaming', { stop_requested: true });
  }

  endedElsewhere(ids: string[]): { id: string; gone: boolean }[] {
    const ended = ids.filter((id) => this.message(id)?.stop_requested ?? true);
    return ended.map((id) => ({ id, gone: !this.message(id) }));
  }

  /** Of these, those that have another status. */
  not(status: MessageStatus, ids: string[]): string[] {
    return ids.filter((id) => this.message(id)?.status !== status);
  }

  // Queue

  join(conversationId: string): { running: number; waiting: number } {
    const running = this.running(conversationId);
    const marked = running && this.update(running.id, 'streaming', { awaited: true });
    return { running: marked ? 1 : 0, waiting: this.those(conversationId, 'queued').length };
  }

  beginNext(conversationId: string, instance_id: string): BegunReply | undefined {
    if (this.running(conversationId)) return undefined;
    const waiting = this.those(conversationId, 'queued').sort((a, b) => a.sequence - b.sequence);
    const request = waiting.at(0)?.queued_request;
    if (!request) return undefined;
    this.refer(instance_id, 'fk_messages_instance');
    const begun = { status: 'streaming', instance_id, updated_at: new Date(), queued_request: null } as const;
    const row = this.update(waiting[0].id, 'queued', { ...begun, awaited: waiting.length > 1 });
    return row && { ...row, request };
  }

  cancel(id: string): boolean {
    const ending = { status: 'stopped', finish_reason: 'stopped' } as const;
    return !!this.update(id, 'queued', { ...ending, queued_request: null, updated_at: new Date() });
  }

  cancelAll(conversationId: string): string[] {
    const ids = this.those(conversationId, 'queued').map(({ id }) => id);
    if (ids.some((id) => this.tables.lockedByAnother(this, `message ${id}`, true))) throw WAIT;
    return ids.filter((id) => this.cancel(id));
  }

  waiting(): WaitingConversation[] {
    const all = [...this.tables.conversations.values()];
    const waiting = all.filter(({ id }) => !this.running(id) && this.those(id, 'queued').length);
    return waiting.map(({ id: conversation_id, user_id }) => ({ conversation_id, user_id }));
  }

  private conversation(id: string): Conversation | undefined {
    return this.moved.get(id) ?? this.tables.conversations.get(id);
  }

  private those(conversationId: string, status: MessageStatus): Row[] {
    return this.messages.filter((row) => row.conversation_id === conversationId && row.status === status);
  }

  /** Waits for whoever holds the row, and looks at it again then. */
  private update(id: string, status: MessageStatus, changes: Partial<MessageEntity>): Row | undefined {
    const row = this.message(id);
    if (row?.status !== status) return undefined;
    this.tables.lock(this, `message ${id}`, true);
    const changed = { ...row, ...changes };
    this.put(changed);
    return changed;
  }

  private put(row: Row): void {
    this.changed.set(row.id, row);
    this.writes.push(() => this.tables.messages.set(row.id, row));
  }
}
