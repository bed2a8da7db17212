import { ApiPropertyOptional } from '@nestjs/swagger';
import type { ModelSettings } from '../../config/models-config';
import { ApiId } from '../../http/openapi/api-properties';

/** Data of the events on fields of a conversation. */
export class ConversationChangesData {
  @ApiId('conversation', { description: 'The conversation.' })
  conversation_id: string;

  @ApiPropertyOptional({
    type: 'string',
    nullable: true,
    example: 'test-session',
    description: 'The key that its client has given it; of a new one only.',
  })
  key?: string | null;

  @ApiPropertyOptional({
    type: 'string',
    nullable: true,
    example: 'Holiday in Norway',
    description: 'Its title.',
  })
  title?: string | null;

  @ApiPropertyOptional({ type: 'string', nullable: true, example: 'parley-demo', description: 'Its model.' })
  model?: string | null;

  @ApiPropertyOptional({
    type: 'string',
    nullable: true,
    example: 'You are a patient travel guide.',
    description: 'Its system prompt.',
  })
  system_prompt?: string | null;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    example: { temperature: 0.7 },
    description: 'Its settings.',
  })
  settings?: ModelSettings;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { project: 'norway' },
    description: 'Its metadata.',
  })
  metadata?: Record<string, string>;

  @ApiPropertyOptional({ example: false, description: 'Whether it is pinned.' })
  pinned?: boolean;

  @ApiPropertyOptional({ example: false, description: 'Whether it is archived.' })
  archived?: boolean;

  @ApiPropertyOptional({
    example: false,
    description: 'Whether a reply has ended since the user last read it.',
  })
  unread?: boolean;

  @ApiPropertyOptional({
    type: 'string',
    format: 'uuid',
    nullable: true,
    example: null,
    description: 'The end of its active path.',
  })
  active_message_id?: string | null;

  @ApiPropertyOptional({ example: true, description: 'The model has forgotten what came before.' })
  context_cleared?: boolean;

  @ApiPropertyOptional({
    type: [String],
    example: ['system_prompt'],
    description: 'What has changed as well, but is too long for an event.',
  })
  omitted?: string[];
}
