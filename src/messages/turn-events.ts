import type { Conversation } from '../conversations/conversations.service';
import { conversationCreated } from '../conversations/conversation-events';
import type { UserEvent } from '../user-events/dto/user-event.dto';
import type { TurnMessage } from './turn-messages';

/** Events of a turn, for the user's feed. The statement that stores them puts in the title that the conversation has then. */
export function turnEvents(
  { id, title: known }: Conversation,
  messages: TurnMessage[],
  title: string | null,
): UserEvent[] {
  const named: UserEvent[] =
    known === null && title !== null ? [{ type: 'title', data: { conversation_id: id, title } }] : [];
  return [...named, ...messages.map(created), opened(messages[messages.length - 1])];
}

/** Events of a turn that creates its conversation, for the user's feed. */
export function firstTurnEvents(conversation: Conversation, messages: TurnMessage[]): UserEvent[] {
  return [conversationCreated(conversation), ...messages.map(created), opened(messages[messages.length - 1])];
}

function created({ conversation_id, id: message_id, parent_id, role, created_at }: TurnMessage): UserEvent {
  return { type: 'message.created', data: { conversation_id, message_id, parent_id, role, created_at } };
}

function opened({ conversation_id, id: message_id, parent_id, model, status }: TurnMessage): UserEvent {
  return {
    type: status === 'queued' ? 'reply.waiting' : 'reply.started',
    data: { conversation_id, message_id, user_message_id: parent_id ?? '', model: model ?? null },
  };
}
