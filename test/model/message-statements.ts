import type { Conversation } from '../../src/conversations/conversations.service';
import type { MessageEntity } from '../../src/messages/message.entity';
import type { MessageStatus, WaitingConversation, WrittenReply } from '../../src/messages/message.types';
import type { ClosedRow, ReplyEnd } from '../../src/messages/messages.repository';
import type { StartedReply } from '../../src/messages/queue.repository';
import type { TurnMessage, TurnPosition } from '../../src/messages/turn-messages';
import type { ConversationChanges, ReplyTerms, StoredTurn } from '../../src/messages/turns.repository';
import { violation, WAIT, type OpenRow, type Row } from './tables';
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
  queued_request: null,
  active_child_id: null,
  start_places: null,
};

/** The statements about conversations and their messages. */
export class MessageStatements extends Transaction {
  private readonly moved = new Map<string, Conversation>();
  /** Open replies as this transaction has left them; undefined: closed. */
  private readonly opened = new Map<string, OpenRow | undefined>();

  // Turns

  lockConversation(id: string): Conversation | undefined {
    this.tables.lock(this, `conversation ${id}`, true);
    return this.conversation(id);
  }

  place(conversationId: string): TurnPosition | undefined {
    const conversation = this.conversation(conversationId);
    if (!conversation) return undefined;
    const parent = conversation.active_leaf_id ? this.message(conversation.active_leaf_id) : undefined;
    const children = this.messages.filter((row) => row.parent_id === parent?.id).length;
    const queued = this.those(conversationId, 'queued').length > 0;
    return { conversation, parent: parent && { ...parent, children, version: null }, queued };
  }

  /** Not stored where the conversation is not as it was found, or the writer is not known. */
  storeTurn(
    found: Conversation,
    messages: TurnMessage[],
    { leafId, sequence, instanceId }: ConversationChanges & ReplyTerms,
  ): StoredTurn {
    const known = instanceId !== null && this.passes(instanceId);
    const outcome = { known, running: 0, context: [] };
    if (instanceId && !known) return { ...outcome, stored: false };
    const now = this.lockConversation(found.id);
    if (now?.last_sequence !== found.last_sequence || now.active_leaf_id !== found.active_leaf_id)
      return { ...outcome, stored: false };
    for (const row of messages) this.put({ ...DEFAULTS, ...row });
    for (const row of messages) if (row.status === 'streaming') this.open(row, instanceId ?? '', false);
    const moved = { ...now, active_leaf_id: leafId, last_sequence: sequence };
    this.moved.set(found.id, moved);
    this.writes.push(() => this.tables.conversations.set(found.id, moved));
    return { ...outcome, stored: true };
  }

  private open(
    { id, user_id, conversation_id }: TurnMessage | Row,
    instance_id: string,
    awaited: boolean,
  ): void {
    const open = this.openIn(conversation_id);
    // Whoever is closing it may still roll back.
    if (open && this.tables.lockedByAnother(this, `open ${open.message_id}`, true)) throw WAIT;
    if (open) throw violation('23505', 'uq_open_replies_conversation');
    const first_batch = 1 + Math.max(0, ...this.batches(instance_id).map(({ batch }) => batch));
    const writer = { message_id: id, user_id, conversation_id, instance_id, first_batch };
    this.setOpen(id, { ...writer, awaited, stop_requested: false, parts: null, event_lengths: null });
  }

  // Replies

  message(id: string): Row | undefined {
    return this.changed.get(id) ?? this.tables.messages.get(id);
  }

  running(conversationId: string): Row | undefined {
    const open = this.openIn(conversationId);
    return open && this.message(open.message_id);
  }

  lastReply(conversationId: string): Row | undefined {
    const replies = this.messages.filter(
      (row) => row.conversation_id === conversationId && row.role === 'assistant' && row.status !== 'queued',
    );
    return replies.sort((a, b) => b.sequence - a.sequence)[0];
  }

  closeReply(
    { messageId, instanceId }: WrittenReply,
    { model, provider, ...end }: ReplyEnd,
  ): ClosedRow | undefined {
    const found = this.openReply(messageId);
    if (found?.instance_id === instanceId) this.lockConversation(found.conversation_id);
    const open = this.changeOpen(messageId, instanceId, () => undefined);
    const whose = { ...(model && { model }), ...(provider && { provider }) };
    const row = open && this.update(messageId, 'streaming', { ...end, ...whose, updated_at: new Date() });
    return row && { ...row, awaited: open.awaited, title_job_id: null };
  }

  // Open replies

  openReply(id: string): OpenRow | undefined {
    return this.opened.has(id) ? this.opened.get(id) : this.tables.openReplies.get(id);
  }

  get openReplies(): OpenRow[] {
    const ids = new Set([...this.tables.openReplies.keys(), ...this.opened.keys()]);
    return [...ids].flatMap((id) => this.openReply(id) ?? []);
  }

  checkpoint(
    { messageId, instanceId }: WrittenReply,
    checkpoint: Partial<OpenRow>,
    needsFence: boolean,
  ): boolean {
    if (needsFence && !this.passes(instanceId)) return false;
    return !!this.changeOpen(messageId, instanceId, (open) => ({ ...open, ...checkpoint }));
  }

  requestStop(id: string): string | undefined {
    return this.changeOpen(id, undefined, (open) => ({ ...open, stop_requested: true }))?.instance_id;
  }

  stopRequests(ids: string[]): { messageId: string; gone: boolean }[] {
    const ended = ids.filter((id) => this.openReply(id)?.stop_requested ?? true);
    return ended.map((id) => ({ messageId: id, gone: !this.openReply(id) }));
  }

  /** The row before the change; undefined where there is none, or not of this instance. */
  private changeOpen(
    id: string,
    instanceId: string | undefined,
    change: (open: OpenRow) => OpenRow | undefined,
  ): OpenRow | undefined {
    const open = this.openReply(id);
    if (!open || (instanceId !== undefined && open.instance_id !== instanceId)) return undefined;
    this.tables.lock(this, `open ${id}`, true);
    this.setOpen(id, change(open));
    return open;
  }

  private setOpen(id: string, row: OpenRow | undefined): void {
    this.opened.set(id, row);
    this.writes.push(() => (row ? this.tables.openReplies.set(id, row) : this.tables.openReplies.delete(id)));
  }

  private openIn(conversationId: string): OpenRow | undefined {
    return this.openReplies.find((row) => row.conversation_id === conversationId);
  }

  /** Of these, those that have another status. */
  not(status: MessageStatus, ids: string[]): string[] {
    return ids.filter((id) => this.message(id)?.status !== status);
  }

  // Queue

  join(conversationId: string): { running: number; waiting: number } {
    const id = this.openIn(conversationId)?.message_id;
    const marked = id && this.changeOpen(id, undefined, (open) => ({ ...open, awaited: true }));
    return { running: marked ? 1 : 0, waiting: this.those(conversationId, 'queued').length };
  }

  beginNext(conversationId: string, instance_id: string): StartedReply | undefined {
    if (this.running(conversationId)) return undefined;
    const waiting = this.those(conversationId, 'queued').sort((a, b) => a.sequence - b.sequence);
    const request = waiting.at(0)?.queued_request;
    if (!request || !this.passes(instance_id)) return undefined;
    const begun = { status: 'streaming', updated_at: new Date(), queued_request: null } as const;
    const row = this.update(waiting[0].id, 'queued', begun);
    if (row) this.open(row, instance_id, waiting.length > 1);
    return row && { ...row, instance_id, request };
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
