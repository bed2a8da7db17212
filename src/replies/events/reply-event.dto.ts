import type { Type } from '@nestjs/common';
import { ApiExtraModels, ApiProperty, ApiPropertyOptional, ApiSchema, getSchemaPath } from '@nestjs/swagger';
import { ApiId } from '../../http/openapi/api-properties';
import { MessageErrorResponse, UsageResponse } from '../../messages/dto/message.response';

const ApiType = (type: string) =>
  ApiProperty({ type: 'string', enum: [type], example: type, description: 'Tells the events apart.' });

class StartData {
  @ApiId('conversation', { description: 'The conversation.' })
  conversation_id: string;

  @ApiId('reply', { description: 'The reply.' })
  message_id: string;

  @ApiId('userMessage', { description: 'The message it answers.' })
  user_message_id: string;

  @ApiProperty({ example: 'parley-demo', description: 'The model that was asked.' })
  model: string;

  @ApiPropertyOptional({
    type: 'integer',
    example: 1,
    description:
      'How many versions of the reply there were when it was made; this and the next three are absent in replies of before 0.2.',
  })
  sibling_count?: number;

  @ApiPropertyOptional({ type: 'integer', example: 1, description: 'Which of these the reply is, from 1.' })
  sibling_position?: number;

  @ApiPropertyOptional({
    type: 'integer',
    example: 1,
    description: 'How many versions of the message that it answers there were then.',
  })
  user_sibling_count?: number;

  @ApiPropertyOptional({
    type: 'integer',
    example: 1,
    description: 'Which of these that message is, from 1.',
  })
  user_sibling_position?: number;
}

@ApiSchema({ description: 'The first event of each reply: the user message is stored.' })
export class StartEvent {
  @ApiType('start')
  type: 'start';

  @ApiProperty({ type: StartData, description: 'What belongs to the reply.' })
  data: StartData;
}

class ContentData {
  @ApiProperty({ example: 'Os', description: 'The next stretch of text.' })
  content: string;
}

@ApiSchema({ description: 'The next stretch of the answer.' })
export class ChunkEvent {
  @ApiType('chunk')
  type: 'chunk';

  @ApiProperty({ type: ContentData, description: 'The text.' })
  data: ContentData;
}

@ApiSchema({ description: 'The next stretch of what a reasoning model thinks; not part of the answer.' })
export class ReasoningEvent {
  @ApiType('reasoning')
  type: 'reasoning';

  @ApiProperty({ type: ContentData, description: 'The text.' })
  data: ContentData;
}

class EndData {
  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'Oslo.',
    description:
      'All chunks together, which is what is stored. Null only where the client asked for `full_text=false` and the line would reach 64 KiB.',
  })
  full_text: string | null;

  @ApiPropertyOptional({
    type: Boolean,
    enum: [true],
    example: true,
    description: 'Present if `full_text` is null: it was too long for this client.',
  })
  full_text_omitted?: boolean;

  @ApiId('reply', { description: 'The reply.' })
  message_id: string;

  @ApiProperty({
    type: 'string',
    enum: ['stop', 'length', 'content_filter', 'tool_calls', 'other', 'stopped'],
    example: 'stop',
    description: 'Why the model ended; `stopped`: the user ended it.',
  })
  finish_reason: string;

  @ApiProperty({ type: UsageResponse, nullable: true, description: 'Tokens; null if it is not known.' })
  usage: UsageResponse | null;
}

@ApiSchema({ description: 'The reply is stored, whole or as far as it was stopped. Nothing follows.' })
export class EndEvent {
  @ApiType('end')
  type: 'end';

  @ApiProperty({ type: EndData, description: 'The reply.' })
  data: EndData;
}

@ApiSchema({ name: 'ErrorData' })
class ErrorData extends MessageErrorResponse {}

@ApiSchema({
  description: 'The reply failed or was interrupted; what was shown of it is stored. Nothing follows.',
})
export class ErrorEvent {
  @ApiType('error')
  type: 'error';

  @ApiProperty({ type: ErrorData, description: 'What happened.' })
  data: ErrorData;
}

class QueuedData {
  @ApiId('reply', { description: 'The reply.' })
  message_id: string;

  @ApiProperty({
    type: 'integer',
    example: 3,
    description: 'Its place among the replies that wait for the model: 1 comes next.',
  })
  position: number;
}

@ApiSchema({
  description:
    'The reply waits until its model has room; sent when its place has changed, at most once a second. It comes before `start`, has no id, and is not ' +
    'sent again to who reads the reply later.',
})
export class QueuedEvent {
  @ApiType('queued')
  type: 'queued';

  @ApiProperty({ type: QueuedData, description: 'Its place.' })
  data: QueuedData;
}

class TitleData {
  @ApiId('conversation', { description: 'The conversation.' })
  conversation_id: string;

  @ApiProperty({ example: 'Two weeks in Norway', description: 'Its title now.' })
  title: string;
}

@ApiSchema({
  description:
    'A model has named the conversation. Only on feeds of a conversation; it has no id, may come between any two events, and is not sent again to ' +
    'who reads later: the conversation has it.',
})
export class TitleEvent {
  @ApiType('title')
  type: 'title';

  @ApiProperty({ type: TitleData, description: 'The title.' })
  data: TitleData;
}

/** The event that shows each kind of part. */
interface EventOfPart {
  text: ChunkEvent;
  reasoning: ReasoningEvent;
}

/** The event of one kind of part. `PART_CODECS` does not compile while a kind has none. */
export type EventOf<T extends keyof EventOfPart> = EventOfPart[T];

/** An event between `start` and the terminal one: its content is part of the message. */
export type ContentEvent = EventOf<keyof EventOfPart>;

/** An event of a reply's log. */
export type ReplyEvent = StartEvent | ContentEvent | EndEvent | ErrorEvent;

/** An event of a stream: of a reply's log, or a notice that is not part of a log. */
export type StreamEvent = ReplyEvent | QueuedEvent | TitleEvent;

/** Event classes by `type`. */
const EVENTS = {
  queued: QueuedEvent,
  start: StartEvent,
  chunk: ChunkEvent,
  reasoning: ReasoningEvent,
  end: EndEvent,
  error: ErrorEvent,
  title: TitleEvent,
} satisfies { [T in StreamEvent['type']]: Type<Extract<StreamEvent, { type: T }>> };

/** Registers the schemas of all events. */
export const ApiReplyEvents = () => ApiExtraModels(...Object.values(EVENTS));

/** OpenAPI schema of one `data:` line of a reply's stream. */
export const replyEventSchema = () => ({
  title: 'ReplyEvent',
  description: 'What one `data:` line holds. Further types may come: ignore those that you do not know.',
  oneOf: Object.values(EVENTS).map((event) => ({ $ref: getSchemaPath(event) })),
  discriminator: {
    propertyName: 'type',
    mapping: Object.fromEntries(Object.entries(EVENTS).map(([type, event]) => [type, getSchemaPath(event)])),
  },
});
