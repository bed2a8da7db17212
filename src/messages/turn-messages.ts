import { newId } from '../common/ids';
import type { Conversation } from '../conversations/conversations.service';
import type { ColumnIn } from './message-columns';
import type { MessageEntity } from './message.entity';
import type { MessagePart } from './content/parts';
import type { MessageStatus, StartPlaces } from './message.types';

/** The message that a turn follows, as far as the turn needs it. */
export interface ParentMessage {
  id: string;
  parent_id: string | null;
  branch_id: string;
  depth: number;
  role: MessageEntity['role'];
  status: MessageStatus;
  tokens: number;
  /** Number of messages that follow it, each a version of the others. */
  children: number;
  /** A user message's position among its versions, and their number; null of a reply. */
  version: [position: number, count: number] | null;
}

/** The position of a turn: the conversation as it is now, and the message that the turn follows; none at the beginning. */
export interface TurnPosition {
  conversation: Conversation;
  parent?: ParentMessage;
  /** Number of messages that begin the conversation; only where no parent was found. */
  roots?: number | null;
  /** True if a reply is queued in the conversation. */
  queued?: boolean;
}

type Stored = Pick<MessageEntity, ColumnIn<'turn'>>;
/** Columns that have no value in some messages of a turn. */
type Optional = 'tokens' | 'model' | 'provider' | 'reserved_tokens' | 'queued_request' | 'start_places';

/** A message as a turn stores it; all other columns have their defaults. */
export type TurnMessage = Omit<Stored, Optional> & Partial<Pick<Stored, Optional>>;

/** Fields of a new message that its position does not give. */
type Fields = Pick<TurnMessage, 'role' | 'status' | 'parts'> & Partial<TurnMessage>;

/** Start places of a reply in a conversation that has one branch. */
export const ALONE: StartPlaces = [1, 1, 1];

/** @param withMessage whether the turn has a user message; otherwise it is a further reply to its parent */
export function startPlaces({ parent, roots }: TurnPosition, withMessage: boolean): StartPlaces {
  const siblings = (parent ? parent.children : (roots ?? 0)) + 1;
  if (withMessage) return [1, siblings, siblings];
  const [position, count] = parent?.version ?? [1, 1];
  return [siblings, position, count];
}

export function userMessage(content: string, tokens: number): Fields {
  const parts: MessagePart[] = [{ type: 'text', text: content }];
  return { role: 'user', status: 'completed', parts, tokens };
}

/** New messages, one below the other, at a position. A parent that has a child already begins a new branch. */
export function turnMessages({ conversation, parent }: TurnPosition, fields: Fields[]): TurnMessage[] {
  const now = new Date();
  const branch = parent && !parent.children ? parent.branch_id : undefined;
  const messages: TurnMessage[] = [];
  for (const [index, own] of fields.entries()) {
    const id = newId();
    const last = messages.at(-1);
    messages.push({
      ...own,
      id,
      conversation_id: conversation.id,
      user_id: conversation.user_id,
      parent_id: last?.id ?? parent?.id ?? null,
      branch_id: last?.branch_id ?? branch ?? id,
      depth: (parent?.depth ?? 0) + 1 + index,
      sequence: conversation.last_sequence + 1 + index,
      created_at: now,
      updated_at: now,
    });
  }
  return messages;
}
