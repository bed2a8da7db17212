import { STORAGE_BOUNDS } from '../config/bounds';
import type {
  ConversationCreatedEvent,
  ConversationUpdatedEvent,
  UserTitleEvent,
} from '../user-events/dto/user-event.dto';
import type { ConversationEntity } from './conversation.entity';
import type { ConversationFields } from './conversation.types';

type Changes = Omit<ConversationUpdatedEvent['data'], 'conversation_id'>;

export function conversationCreated(
  conversation: Omit<ConversationEntity, 'user'>,
): ConversationCreatedEvent {
  const { id, key, title, model, system_prompt, settings, metadata, pinned, archived } = conversation;
  const fields = { title, model, system_prompt, settings, metadata, pinned, archived };
  return { type: 'conversation.created', data: { conversation_id: id, key, ...shortOnes(fields) } };
}

export function conversationUpdated(id: string, changes: Changes): ConversationUpdatedEvent {
  return { type: 'conversation.updated', data: { conversation_id: id, ...changes } };
}

export function titleEvent(conversation_id: string, title: string | null): UserTitleEvent {
  return { type: 'title', data: { conversation_id, title } };
}

/** Fields that a client has set and that are short enough for an event; `omitted` names the others. */
export function shortOnes(fields: ConversationFields): Changes {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  const isLong = ([, value]: [string, unknown]) =>
    JSON.stringify(value).length > STORAGE_BOUNDS.userEventText.limit;
  const omitted = entries.filter(isLong).map(([name]) => name);
  const short = Object.fromEntries(entries.filter((entry) => !isLong(entry)));
  return { ...short, ...(omitted.length && { omitted }) };
}
