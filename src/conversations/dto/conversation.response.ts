import { ApiProperty } from '@nestjs/swagger';
import type { ConversationEntity } from '../conversation.entity';
import { SettingsDto } from './settings.dto';

export class ConversationResponse {
  @ApiProperty({ format: 'uuid', example: '019a5b1c-7f00-7000-8000-000000000001' })
  id: string;

  @ApiProperty({ type: 'string', nullable: true, example: 'Holiday in Norway' })
  title: string | null;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'parley-demo',
    description: 'Answers in this conversation; null means the default of `GET /models`.',
  })
  model: string | null;

  @ApiProperty({ type: 'string', nullable: true, example: 'You are a patient travel guide.' })
  system_prompt: string | null;

  @ApiProperty({ type: SettingsDto })
  settings: SettingsDto;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, example: { project: 'norway' } })
  metadata: Record<string, string>;

  @ApiProperty({ example: false })
  pinned: boolean;

  @ApiProperty({ example: false })
  archived: boolean;

  @ApiProperty({
    type: 'string',
    format: 'uuid',
    nullable: true,
    example: '019a5b1c-7f00-7000-8000-000000000003',
    description: 'The last message of the active path; null while there is none.',
  })
  active_message_id: string | null;

  @ApiProperty({ format: 'date-time', description: 'When the last message was posted; lists are ordered by it.' })
  last_activity_at: Date;

  @ApiProperty({ format: 'date-time' })
  created_at: Date;

  @ApiProperty({ format: 'date-time' })
  updated_at: Date;
}

export function toConversationResponse(conversation: ConversationEntity): ConversationResponse {
  return {
    id: conversation.id,
    title: conversation.title,
    model: conversation.model,
    system_prompt: conversation.system_prompt,
    settings: conversation.settings,
    metadata: conversation.metadata,
    pinned: conversation.pinned,
    archived: conversation.archived,
    active_message_id: conversation.active_leaf_id,
    last_activity_at: conversation.last_activity_at,
    created_at: conversation.created_at,
    updated_at: conversation.updated_at,
  };
}
