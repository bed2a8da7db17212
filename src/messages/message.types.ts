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

/** Status of a reply that has not ended: it waits for its turn or is being written. */
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
  /** First batch of its process's journal that may hold events that its checkpoint lacks. */
  firstBatch: number;
}

/**
 * Versions in the `start` event of a reply, stored with the reply since the event never changes: the position of the reply among its
 * siblings, which is the last one when it is made, and the position and the number of the versions of its user message.
 */
export type StartPlaces = [own: number, userPosition: number, userCount: number];

/** Settings and prefix of a queued reply. */
export interface QueuedRequest {
  settings: ModelSettings;
  /** The prefix: parts of the reply that it continues. The name `begun` is stored, and older versions read it too. */
  begun: MessagePart[];
}

/** A conversation with a queued reply, and its user. */
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
  /** Tokens of the text in `o200k_base`, if they have been counted. */
  tokens?: number;
  /** True for a reply if the provider's filter refused the message that it answers. */
  refused?: boolean;
  /** True for a reply that failed, or whose process ended before it. */
  failed?: boolean;
}

/** A message of a path that is cut to a budget. */
export interface CountedMessage extends ContextMessage {
  /** `tokens` and the overhead of a message in the wire format. */
  cost: number;
}

export interface MessageError {
  code: ErrorCode;
  message: string;
  retryable: boolean;
}

/** One try to get a reply from one model of one provider. Optional fields may also be absent because the row is older than they are. */
export interface MessageAttempt {
  provider: string;
  model: string;
  /** Number of the try at this model, from 1. */
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

/** Token usage of a reply; `own`: by a model of the user's own, to which the operator's prices do not apply even if its id is the same. */
export type StoredUsage = TokenUsage & { own?: true };

/** Outcome of a reply: how it ended, its usage and its attempts. */
export interface ReplyOutcome {
  status: Exclude<MessageStatus, OpenStatus>;
  finish_reason: string | null;
  error: MessageError | null;
  usage: StoredUsage | null;
  attempts: MessageAttempt[];
}
