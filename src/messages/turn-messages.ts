import { newId } from '../common/ids';
import type { Conversation } from '../conversations/conversations.service';
import type { ColumnIn } from './message-columns';
import type { MessageEntity } from './message.entity';
import type { MessagePart } from './content/parts';
import type { MessageStatus, StartPlaces } from './message.types';

/** What a turn needs to know of the message that it follows. */
export interface ParentMessage {
  id: string;
  parent_id: string | null;
  branch_id: string;
  depth: number;
  role: MessageEntity['role'];
  status: MessageStatus;
  tokens: number;
  /** How many messages follow it, each a version of the others. */
  children: number;
  /** Of a user message: its place among its versions, and how many there are. */
  place: [position: number, count: number] | null;
}

/** Where a turn goes: the conversation as it is now, and the message that it follows; none at the beginning. */
export interface TurnPosition {
  conversation: Conversation;
  parent?: ParentMessage;
  /** How many messages begin the conversation; only where no parent was found. */
  roots?: number | null;
  /** A reply waits for its turn there. */
  queued?: boolean;
}

type Stored = Pick<MessageEntity, ColumnIn<'turn'>>;
/** Columns that not every message of a turn has a value of. */
type Optional = 'tokens' | 'model' | 'provider' | 'reserved_tokens' | 'queued_request' | 'start_places';

/** A message as a turn stores it; everything else has its default. */
export type TurnMessage = Omit<Stored, Optional> & Partial<Pick<Stored, Optional>>;

/** What is particular about a new message. */
type Fields = Pick<TurnMessage, 'role' | 'status' | 'parts'> & Partial<TurnMessage>;

/** Of a reply in a conversation that has one branch. */
export const ALONE: StartPlaces = [1, 1, 1];

/** @param says whether the user message is of the turn as well; otherwise the turn is a further reply to its parent */
export function startPlaces({ parent, roots }: TurnPosition, says: boolean): StartPlaces {
  const siblings = (parent ? parent.children : (roots ?? 0)) + 1;
  if (says) return [1, siblings, siblings];
  const [position, count] = parent?.place ?? [1, 1];
  return [siblings, position, count];
}

export function userMessage(content: string, tokens: number): Fields {
  const parts: MessagePart[] = [{ type: 'text', text: content }];
  return { role: 'user', status: 'completed', parts, tokens };
}

/** New messages one after the other below a place. A parent that has a child already begins a new branch. */
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
