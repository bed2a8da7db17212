import type { ErrorCode } from '../errors/error-codes';
import type { ModelSettings } from '../config/models-config';
import type { TokenUsage } from '../llm/llm-client';
import type { MessagePart } from './content/parts';

export const MESSAGE_ROLES = ['user', 'assistant', 'system', 'tool'] as const;
export type MessageRole = (typeof MESSAGE_ROLES)[number];

export const MESSAGE_STATUSES = [
  'queued',
  'streaming',
  'completed',
  'stopped',
  'failed',
  'interrupted',
] as const;
export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** A reply that is not over: it waits for its turn or is being written. */
export type OpenStatus = 'queued' | 'streaming';

export function isOpen({ status }: { status: MessageStatus }): boolean {
  return status === 'queued' || status === 'streaming';
}

/** A conversation of a user. Every statement on a user's data names both. */
export interface ConversationRef {
  userId: string;
  conversationId: string;
}

/** A reply of a user. Every statement on it names its user. */
export interface ReplyRef extends ConversationRef {
  messageId: string;
}

/** The reply of a row of `messages`. */
export function replyRef({
  id,
  user_id,
  conversation_id,
}: {
  id: string;
  user_id: string;
  conversation_id: string;
}): ReplyRef {
  return { userId: user_id, conversationId: conversation_id, messageId: id };
}

/** A reply, and the registration (`instances`) of the process that writes it. */
export interface WrittenReply extends ReplyRef {
  instanceId: string;
}

/** A reply that is being written. */
export interface OpenReply extends WrittenReply {
  /** No batch of its process's journal before this one holds events that its checkpoint lacks. */
  firstBatch: number;
}

/**
 * What the `start` event of a reply says of versions, stored with the reply since the event is the same for ever: its place among its
 * siblings, which is the last one when it is made, and the place and the number of those of the message that it answers.
 */
export type StartPlaces = [own: number, userPosition: number, userCount: number];

/** What a queued reply is to be made with. */
export interface QueuedRequest {
  settings: ModelSettings;
  /** The prefix: parts of the reply that it continues. A stored name, which older versions read as well. */
  begun: MessagePart[];
}

/** A conversation in which something waits, and whose it is. */
export interface WaitingConversation {
  conversation_id: string;
  user_id: string;
}

/** A reply that waits for a slot of its model, and for nothing else. */
export interface WaitingForModel extends WaitingConversation {
  id: string;
  created_at: Date;
}

/** A message as a model is to see it. */
export interface ContextMessage {
  role: MessageRole;
  parts: MessagePart[];
  /** Of its text in `o200k_base`, if they have been counted. */
  tokens?: number;
  /** Of a reply: a filter of the provider has refused what it was to. */
  refused?: boolean;
  /** Of a reply: it failed, or its process ended before it. */
  failed?: boolean;
}

/** A message of a path that is cut to a budget. */
export interface CountedMessage extends ContextMessage {
  /** `tokens` and what the wire format adds. */
  cost: number;
}

export interface MessageError {
  code: ErrorCode;
  message: string;
  retryable: boolean;
}

/** One try to get a reply from one model of one provider. Fields that are optional are absent in rows of before, too. */
export interface MessageAttempt {
  provider: string;
  model: string;
  /** Which try it was at this model, from 1. */
  try?: number;
  /** `ok`, `aborted` or the error's code. */
  outcome: string;
  started_at: string;
  first_byte_ms?: number;
  first_event_ms: number | null;
  duration_ms: number;
  /** HTTP status. */
  status?: number;
  /** The provider's, the network's or our own word for a failure. */
  provider_code?: string;
  /** The provider's own id of the request. */
  request_id?: string;
  /** The provider's own word on why the model ended; null if that was assumed. */
  finish_word?: string | null;
}

/** `own`: of a model of the user's own, which the operator's prices are not for, be its id the same. */
export type StoredUsage = TokenUsage & { own?: true };

/** How a reply ended, and what it holds. */
export interface ReplyOutcome {
  status: Exclude<MessageStatus, OpenStatus>;
  finish_reason: string | null;
  error: MessageError | null;
  usage: StoredUsage | null;
  attempts: MessageAttempt[];
}
