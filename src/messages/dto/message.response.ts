import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { MESSAGE_ROLES, MESSAGE_STATUSES, type MessageRole, type MessageStatus } from '../message.types';
import type { HistoryMessage, Message } from '../messages.service';
import { textOf } from '../reply-content';
import type { Siblings } from '../siblings';

export class PartResponse {
  @ApiProperty({ enum: ['text', 'reasoning'], description: '`reasoning` is not part of the answer.' })
  type: 'text' | 'reasoning';

  @ApiProperty({ example: 'Hello there.' })
  text: string;
}

export class UsageResponse {
  @ApiProperty({ type: 'integer', example: 9 })
  input_tokens: number;

  @ApiProperty({ type: 'integer', example: 4, description: 'Reasoning included.' })
  output_tokens: number;

  @ApiPropertyOptional({ type: 'integer', example: 0 })
  reasoning_tokens?: number;

  @ApiPropertyOptional({ type: 'integer', example: 0, description: 'Of `input_tokens`: read from a cache.' })
  cached_input_tokens?: number;

  @ApiProperty({ description: 'Counted by the service, because the provider did not say.' })
  estimated: boolean;
}

export class MessageErrorResponse {
  @ApiProperty({ example: 'provider_timeout' })
  code: string;

  @ApiProperty({ example: 'The model did not answer in time.' })
  message: string;

  @ApiProperty()
  retryable: boolean;
}

export class MessageResponse {
  @ApiProperty({ format: 'uuid', example: '019a5b1c-7f00-7000-8000-000000000003' })
  id: string;

  @ApiProperty({ format: 'uuid', example: '019a5b1c-7f00-7000-8000-000000000001' })
  conversation_id: string;

  @ApiProperty({ type: 'string', format: 'uuid', nullable: true, description: 'The message before it; null for a first one.' })
  parent_id: string | null;

  @ApiProperty({ enum: MESSAGE_ROLES, example: 'assistant' })
  role: MessageRole;

  @ApiProperty({ example: 'Hello there.', description: 'The text, without reasoning.' })
  content: string;

  @ApiProperty({ type: [PartResponse], description: 'The text and reasoning in the order in which they were written.' })
  parts: PartResponse[];

  @ApiProperty({ enum: MESSAGE_STATUSES, example: 'completed' })
  status: MessageStatus;

  @ApiProperty({ type: 'string', nullable: true, example: 'parley-demo', description: 'The model that answered; null for a user.' })
  model: string | null;

  @ApiProperty({ type: 'string', nullable: true, example: 'demo' })
  provider: string | null;

  @ApiProperty({ type: UsageResponse, nullable: true })
  usage: UsageResponse | null;

  @ApiProperty({ type: 'string', nullable: true, example: 'stop', description: 'As in the `end` event.' })
  finish_reason: string | null;

  @ApiProperty({ type: MessageErrorResponse, nullable: true, description: 'Why a reply failed or was interrupted.' })
  error: MessageErrorResponse | null;

  @ApiProperty({ type: 'integer', example: 1, description: 'How many versions of this message there are.' })
  sibling_count: number;

  @ApiProperty({ type: 'integer', example: 1, description: 'Which of the versions this is, from 1.' })
  sibling_position: number;

  @ApiProperty({ format: 'date-time' })
  created_at: Date;

  @ApiProperty({ format: 'date-time' })
  updated_at: Date;
}

export class AttemptResponse {
  @ApiProperty({ example: 'openai' })
  provider: string;

  @ApiProperty({ example: 'gpt-5-mini' })
  model: string;

  @ApiProperty({ example: 'ok', description: '`ok`, `aborted` or the code of the failure.' })
  outcome: string;

  @ApiProperty({ format: 'date-time' })
  started_at: string;

  @ApiProperty({ type: 'integer', nullable: true, example: 420, description: 'Milliseconds to the first event.' })
  first_event_ms: number | null;

  @ApiProperty({ type: 'integer', example: 2150, description: 'Milliseconds in all.' })
  duration_ms: number;
}

export class MessageDetailResponse extends MessageResponse {
  @ApiProperty({ type: [AttemptResponse], description: 'What was tried to get this reply, in order.' })
  attempts: AttemptResponse[];
}

export function toMessageResponse(message: HistoryMessage): MessageResponse {
  return {
    id: message.id,
    conversation_id: message.conversation_id,
    parent_id: message.parent_id,
    role: message.role,
    content: textOf(message.parts),
    parts: message.parts,
    status: message.status,
    model: message.model,
    provider: message.provider,
    usage: message.usage,
    finish_reason: message.finish_reason,
    error: message.error,
    sibling_count: message.sibling_count,
    sibling_position: message.sibling_position,
    created_at: message.created_at,
    updated_at: message.updated_at,
  };
}

export function toMessageDetailResponse(message: Message & Siblings): MessageDetailResponse {
  return { ...toMessageResponse(message), attempts: message.attempts };
}
