import type { ModelSettings } from '../config/models-config';
import type { IdempotentRequest } from '../http/idempotency/idempotent-request';
import type { MessagePart } from '../messages/content/parts';

export const ON_BUSY = ['reject', 'queue', 'interrupt'] as const;
/** Behaviour of a turn while another reply of its conversation is open. */
export type OnBusy = (typeof ON_BUSY)[number];

/** The user, and the HTTP request if a client may repeat it (`Idempotency-Key`). */
export interface RequestContext {
  userId: string;
  request?: IdempotentRequest;
}

/** Options of one reply, as clients name them. */
export interface ReplyOptions {
  model?: string;
  settings?: ModelSettings;
  /** Default: `reject`. */
  on_busy?: OnBusy;
}

/** A user message and the options of its reply, as clients name them. */
export interface UserMessageInput extends ReplyOptions {
  /** Id or key of the conversation. */
  conversation_id?: string;
  parent_id?: string;
  content: string;
}

/** A turn to be opened: a user message with a reply, or a further reply to an existing user message. */
export interface TurnCommand {
  /** Id of the conversation, or a key of the client's; a conversation with the key is created if there is none. Absent: a new conversation. */
  conversationId?: string;
  /** The message that the turn follows; null at the beginning of the conversation, absent at the end of the active path. */
  parentId?: string | null;
  /** Text of the user message; absent for a further reply to the parent. */
  content?: string;
  /** Parts that the reply starts with: those of the reply that it continues. */
  prefix?: MessagePart[];
  options: ReplyOptions;
}
