import { ApiErrorCode } from '../../errors/api-error-code';
import type { ErrorCode } from '../../errors/error-codes';
import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { REPLY_BOUNDS, STORAGE_BOUNDS } from '../../config/bounds';
import { ApiId, ApiTime, EXAMPLE_IDS } from '../../http/openapi/api-properties';
import type { ResponseColumn, SingleResponseColumn } from '../message-columns';
import {
  MESSAGE_ROLES,
  MESSAGE_STATUSES,
  type MessageRole,
  type MessageStatus,
  type StoredUsage,
} from '../message.types';
import type { HistoryMessage, Message } from '../messages.service';
import { textOf } from '../content/reply-content';
import { AttemptResponse } from './attempt.response';
import { MessageFeedbackResponse } from './message-feedback.response';

@ApiSchema({ name: 'MessagePart' })
export class PartResponse {
  @ApiProperty({
    type: 'string',
    enum: ['text', 'reasoning'],
    example: 'text',
    description: '`reasoning` is not part of the answer.',
  })
  type: 'text' | 'reasoning';

  @ApiProperty({ example: 'Oslo.', description: 'A stretch of the message.' })
  text: string;
}

@ApiSchema({ name: 'Usage' })
export class UsageResponse {
  @ApiProperty({ type: 'integer', example: 9, description: 'Tokens of the prompt, cached ones included.' })
  input_tokens: number;

  @ApiProperty({ type: 'integer', example: 4, description: 'Tokens of the answer, reasoning included.' })
  output_tokens: number;

  @ApiPropertyOptional({
    type: 'integer',
    example: 0,
    description: 'Of `output_tokens`: spent on reasoning.',
  })
  reasoning_tokens?: number;

  @ApiPropertyOptional({ type: 'integer', example: 0, description: 'Of `input_tokens`: read from a cache.' })
  cached_input_tokens?: number;

  @ApiProperty({ example: false, description: 'Counted by the service, because the provider did not say.' })
  estimated: boolean;
}

@ApiSchema({ name: 'MessageError' })
export class MessageErrorResponse {
  @ApiErrorCode('provider_timeout', 'A stable word to switch on.')
  code: ErrorCode;

  @ApiProperty({
    example: 'The model provider did not answer in time.',
    description: 'May be shown to people.',
  })
  message: string;

  @ApiProperty({ example: true, description: 'Whether another try may succeed.' })
  retryable: boolean;
}

@ApiSchema({ name: 'Message' })
export class MessageResponse {
  @ApiId('reply', { description: 'The id of the message.' })
  id: string;

  @ApiId('conversation', { description: 'The conversation it is in.' })
  conversation_id: string;

  @ApiId('userMessage', { nullable: true, description: 'The message before it; null for a first one.' })
  parent_id: string | null;

  @ApiProperty({
    type: 'string',
    enum: MESSAGE_ROLES,
    example: 'assistant',
    description: 'Who wrote it; `assistant` is a reply.',
  })
  role: MessageRole;

  @ApiProperty({ example: 'Oslo.', description: 'The text, without reasoning.' })
  content: string;

  @ApiProperty({
    type: [PartResponse],
    description: 'The text and reasoning in the order in which they were written.',
  })
  parts: PartResponse[];

  @ApiPropertyOptional({
    example: true,
    description:
      `Only in lists, where no more than the first ${REPLY_BOUNDS.listedParts.limit} parts of a message are shown: there are more, ` +
      'which `GET /messages/{id}` answers. `content` is whole.',
  })
  parts_truncated?: boolean;

  @ApiProperty({
    type: 'string',
    enum: MESSAGE_STATUSES,
    example: 'completed',
    description:
      'A reply begins as `streaming`, or as `queued` if it has to wait for its turn; all other messages are `completed`.',
  })
  status: MessageStatus;

  @ApiPropertyOptional({
    type: 'integer',
    example: 3,
    description:
      'Only of a reply that is `queued` until its model has room (`max_concurrent`): 1 comes next. It may grow when users come who have fewer ' +
      'replies of the model.',
  })
  queue_position?: number;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'parley-demo',
    description: 'The model that answered; null for a user.',
  })
  model: string | null;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'demo',
    description: 'Whose model it is; null for a user.',
  })
  provider: string | null;

  @ApiProperty({
    type: UsageResponse,
    nullable: true,
    description: 'Tokens; null for a user, for a copy, which used none, and while it is not known.',
  })
  usage: UsageResponse | null;

  @ApiProperty({ type: 'string', nullable: true, example: 'stop', description: 'As in the `end` event.' })
  finish_reason: string | null;

  @ApiProperty({
    type: MessageErrorResponse,
    nullable: true,
    example: null,
    description: 'Why a reply failed or was interrupted.',
  })
  error: MessageErrorResponse | null;

  @ApiProperty({ type: 'integer', example: 1, description: 'How many versions of this message there are.' })
  sibling_count: number;

  @ApiProperty({ type: 'integer', example: 1, description: 'Which of the versions this is, from 1.' })
  sibling_position: number;

  @ApiProperty({
    type: 'array',
    items: { type: 'string', format: 'uuid' },
    maxItems: STORAGE_BOUNDS.listedVersions.limit,
    example: [EXAMPLE_IDS.reply],
    description:
      `The versions, oldest first, itself included; of more than ${STORAGE_BOUNDS.listedVersions.limit} those nearest to it. ` +
      '`POST /messages/{id}/select` shows one.',
  })
  sibling_ids: string[];

  @ApiPropertyOptional({
    type: Boolean,
    enum: [true],
    example: true,
    description: 'Present if there are more versions, which `GET /messages/{id}/versions` lists.',
  })
  sibling_ids_truncated?: true;

  @ApiProperty({
    type: MessageFeedbackResponse,
    nullable: true,
    description: "The caller's own feedback; null without one.",
  })
  feedback: MessageFeedbackResponse | null;

  @ApiTime('When it was posted.')
  created_at: Date;

  @ApiTime('When it last changed: for a reply, when it ended.')
  updated_at: Date;
}

@ApiSchema({ name: 'MessageDetail' })
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
    content: message.cut_texts?.join('') ?? textOf(message.parts),
    parts: message.parts,
    ...(message.cut_texts && { parts_truncated: true }),
    status: message.status,
    ...(message.queue_position !== undefined && { queue_position: message.queue_position }),
    model: message.model,
    provider: message.provider,
    usage: message.usage && shownUsage(message.usage),
    finish_reason: message.finish_reason,
    error: message.error,
    sibling_count: message.sibling_count,
    sibling_position: message.sibling_position,
    sibling_ids: message.sibling_ids,
    ...(message.sibling_ids_truncated && { sibling_ids_truncated: true as const }),
    feedback: message.feedback,
    created_at: message.created_at,
    updated_at: message.updated_at,
  } satisfies MessageResponse & Record<ResponseColumn, unknown>;
}

function shownUsage({ own: _own, ...usage }: StoredUsage): UsageResponse {
  return usage;
}

export function toMessageDetailResponse(message: Message & HistoryMessage): MessageDetailResponse {
  const single = { attempts: message.attempts } satisfies Record<SingleResponseColumn, unknown>;
  return { ...toMessageResponse(message), ...single };
}
