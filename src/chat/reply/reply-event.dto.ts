import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { UsageResponse } from '../../messages/dto/message.response';

class StartData {
  @ApiProperty({ format: 'uuid' })
  conversation_id: string;

  @ApiProperty({ format: 'uuid', description: 'The reply.' })
  message_id: string;

  @ApiProperty({ format: 'uuid', description: 'The message it answers.' })
  user_message_id: string;

  @ApiProperty({ example: 'parley-demo' })
  model: string;
}

/** The first event of each reply: the user message is stored. */
export class StartEvent {
  @ApiProperty({ type: 'string', enum: ['start'] })
  type: 'start';

  @ApiProperty({ type: StartData })
  data: StartData;
}

class ContentData {
  @ApiProperty({ example: 'Hel', description: 'The next stretch of text.' })
  content: string;
}

/** The next stretch of the answer. */
export class ChunkEvent {
  @ApiProperty({ type: 'string', enum: ['chunk'] })
  type: 'chunk';

  @ApiProperty({ type: ContentData })
  data: ContentData;
}

/** The next stretch of what a reasoning model thinks; not part of the answer. */
export class ReasoningEvent {
  @ApiProperty({ type: 'string', enum: ['reasoning'] })
  type: 'reasoning';

  @ApiProperty({ type: ContentData })
  data: ContentData;
}

class EndData {
  @ApiProperty({ example: 'Hello there.', description: 'All chunks together, which is what is stored.' })
  full_text: string;

  @ApiProperty({ format: 'uuid' })
  message_id: string;

  @ApiProperty({
    enum: ['stop', 'length', 'content_filter', 'tool_calls', 'other', 'stopped'],
    description: '`stopped`: by the user.',
  })
  finish_reason: string;

  @ApiProperty({ type: UsageResponse, nullable: true })
  usage: UsageResponse | null;
}

/** The reply is stored, whole or as far as it was stopped. Nothing follows. */
export class EndEvent {
  @ApiProperty({ type: 'string', enum: ['end'] })
  type: 'end';

  @ApiProperty({ type: EndData })
  data: EndData;
}

class ErrorData {
  @ApiProperty({ example: 'provider_timeout', description: 'A stable word to switch on.' })
  code: string;

  @ApiProperty({ example: 'The model did not answer in time.' })
  message: string;

  @ApiProperty({ description: 'Whether another try may succeed.' })
  retryable: boolean;
}

/** The reply failed or was interrupted; what was shown of it is stored. Nothing follows. */
export class ErrorEvent {
  @ApiProperty({ type: 'string', enum: ['error'] })
  type: 'error';

  @ApiProperty({ type: ErrorData })
  data: ErrorData;
}

export type ReplyEvent = StartEvent | ChunkEvent | ReasoningEvent | EndEvent | ErrorEvent;

const EVENTS = { start: StartEvent, chunk: ChunkEvent, reasoning: ReasoningEvent, end: EndEvent, error: ErrorEvent };

/** Registers the schemas of all events. */
export const ApiReplyEvents = () => ApiExtraModels(...Object.values(EVENTS));

/** What one `data:` line of a reply's stream holds. */
export const replyEventSchema = () => ({
  oneOf: Object.values(EVENTS).map((event) => ({ $ref: getSchemaPath(event) })),
  discriminator: {
    propertyName: 'type',
    mapping: Object.fromEntries(Object.entries(EVENTS).map(([type, event]) => [type, getSchemaPath(event)])),
  },
});
