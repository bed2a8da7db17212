import type { Type } from '@nestjs/common';
import { ApiExtraModels, ApiProperty, ApiSchema, getSchemaPath } from '@nestjs/swagger';
import { ApiId, ApiTime } from '../../http/openapi/api-properties';
import { ConversationChangesData } from './conversation-changes.dto';
import { ApiType } from './event-type';
import { JobCreatedEvent, JobUpdatedEvent } from './job-events.dto';

const ApiConversationId = () => ApiId('conversation', { description: 'The conversation.' });
const ApiReplyId = () => ApiId('reply', { description: 'The reply.' });

@ApiSchema({ description: 'There is a further conversation, with these fields.' })
export class ConversationCreatedEvent {
  @ApiType('conversation.created')
  type: 'conversation.created';

  @ApiProperty({ type: ConversationChangesData, description: 'Its fields.' })
  data: ConversationChangesData;
}

@ApiSchema({
  description:
    'These fields of a conversation have changed. What turns change of it is told by events of their own.',
})
export class ConversationUpdatedEvent {
  @ApiType('conversation.updated')
  type: 'conversation.updated';

  @ApiProperty({ type: ConversationChangesData, description: 'Fields that have changed.' })
  data: ConversationChangesData;
}

class ConversationDeletedData {
  @ApiConversationId()
  conversation_id: string;
}

@ApiSchema({ description: 'A conversation is gone, with all that was in it.' })
export class ConversationDeletedEvent {
  @ApiType('conversation.deleted')
  type: 'conversation.deleted';

  @ApiProperty({ type: ConversationDeletedData, description: 'Which one.' })
  data: ConversationDeletedData;
}

class UserTitleData {
  @ApiConversationId()
  conversation_id: string;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'Holiday in Norway',
    description: 'Its title now.',
  })
  title: string | null;
}

@ApiSchema({ description: 'The service has given a conversation a title.' })
export class UserTitleEvent {
  @ApiType('title')
  type: 'title';

  @ApiProperty({ type: UserTitleData, description: 'The title.' })
  data: UserTitleData;
}

class MessageCreatedData {
  @ApiConversationId()
  conversation_id: string;

  @ApiId('userMessage', { description: 'The message.' })
  message_id: string;

  @ApiId('reply', { nullable: true, description: 'The message before it; null for a first one.' })
  parent_id: string | null;

  @ApiProperty({
    type: 'string',
    enum: ['user', 'assistant', 'system', 'tool'],
    example: 'user',
    description: 'Who wrote it.',
  })
  role: string;

  @ApiTime('When it was posted: the last activity of its conversation.')
  created_at: Date;
}

@ApiSchema({
  description:
    'A message is stored; a reply as well, when it is asked for. It is the end of the active path, and what its conversation had before has been read.',
})
export class MessageCreatedEvent {
  @ApiType('message.created')
  type: 'message.created';

  @ApiProperty({ type: MessageCreatedData, description: 'The message, without its text.' })
  data: MessageCreatedData;
}

class MessageDeletedData {
  @ApiConversationId()
  conversation_id: string;

  @ApiProperty({
    type: [String],
    example: ['019a5b1c-7f00-7000-8000-000000000003'],
    description: 'The messages; of very many, some in each of several events.',
  })
  message_ids: string[];
}

@ApiSchema({ description: 'Messages of a conversation are gone.' })
export class MessageDeletedEvent {
  @ApiType('message.deleted')
  type: 'message.deleted';

  @ApiProperty({ type: MessageDeletedData, description: 'Which ones.' })
  data: MessageDeletedData;
}

class OpenReplyData {
  @ApiConversationId()
  conversation_id: string;

  @ApiReplyId()
  message_id: string;

  @ApiId('userMessage', { description: 'The message it answers.' })
  user_message_id: string;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'parley-demo',
    description: 'The model that is asked.',
  })
  model: string | null;
}

@ApiSchema({ description: 'A reply runs.' })
export class ReplyStartedEvent {
  @ApiType('reply.started')
  type: 'reply.started';

  @ApiProperty({ type: OpenReplyData, description: 'The reply.' })
  data: OpenReplyData;
}

@ApiSchema({ description: 'A reply waits for its turn; `reply.started` or `reply.ended` follows.' })
export class ReplyWaitingEvent {
  @ApiType('reply.waiting')
  type: 'reply.waiting';

  @ApiProperty({ type: OpenReplyData, description: 'The reply.' })
  data: OpenReplyData;
}

class ReplyEndedData {
  @ApiConversationId()
  conversation_id: string;

  @ApiReplyId()
  message_id: string;

  @ApiProperty({
    type: 'string',
    enum: ['completed', 'stopped', 'failed', 'interrupted'],
    example: 'completed',
    description: 'How it ended.',
  })
  status: string;

  @ApiProperty({ type: 'string', nullable: true, example: 'stop', description: 'As of the message.' })
  finish_reason: string | null;
}

@ApiSchema({
  description: 'A reply has ended, and is stored. One that had begun leaves its conversation unread.',
})
export class ReplyEndedEvent {
  @ApiType('reply.ended')
  type: 'reply.ended';

  @ApiProperty({ type: ReplyEndedData, description: 'The reply.' })
  data: ReplyEndedData;
}

class ResetData {
  @ApiProperty({ type: 'string', enum: ['unknown_event'], example: 'unknown_event', description: 'Why.' })
  reason: 'unknown_event';
}

@ApiSchema({
  description:
    'The event after which the client resumes is not known, or too old: it may have missed some, and reads its lists anew. What happens from now on follows.',
})
export class ResetEvent {
  @ApiType('reset')
  type: 'reset';

  @ApiProperty({ type: ResetData, description: 'Why.' })
  data: ResetData;
}

/** A change of a user's data: ids and fields that have changed, never the text of a message. */
export type UserEvent =
  | ConversationCreatedEvent
  | ConversationUpdatedEvent
  | ConversationDeletedEvent
  | MessageCreatedEvent
  | MessageDeletedEvent
  | UserTitleEvent
  | ReplyStartedEvent
  | ReplyWaitingEvent
  | ReplyEndedEvent
  | JobCreatedEvent
  | JobUpdatedEvent;

/** Event classes by `type`. */
const EVENTS = {
  'conversation.created': ConversationCreatedEvent,
  'conversation.updated': ConversationUpdatedEvent,
  'conversation.deleted': ConversationDeletedEvent,
  'message.created': MessageCreatedEvent,
  'message.deleted': MessageDeletedEvent,
  title: UserTitleEvent,
  'reply.started': ReplyStartedEvent,
  'reply.waiting': ReplyWaitingEvent,
  'reply.ended': ReplyEndedEvent,
  'job.created': JobCreatedEvent,
  'job.updated': JobUpdatedEvent,
  reset: ResetEvent,
} satisfies { [T in (UserEvent | ResetEvent)['type']]: Type<Extract<UserEvent | ResetEvent, { type: T }>> };

/** Registers the schemas of all events. */
export const ApiUserEvents = () => ApiExtraModels(...Object.values(EVENTS));

/** Schemas of all events, by `type`. */
export const userEventSchemas = (): Record<string, string> =>
  Object.fromEntries(Object.entries(EVENTS).map(([type, event]) => [type, getSchemaPath(event)]));
