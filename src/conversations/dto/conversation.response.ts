import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ApiId, ApiTime } from '../../http/openapi/api-properties';
import type { ConversationEntity } from '../conversation.entity';
import { KEY_SCHEMA } from '../conversation-name';
import { TITLE_SOURCES, type TitleSource } from '../conversation.types';
import { SettingsDto } from './settings.dto';

@ApiSchema({ name: 'Conversation' })
export class ConversationResponse {
  @ApiId('conversation', { description: 'The id of the conversation.' })
  id: string;

  @ApiProperty({
    ...KEY_SCHEMA,
    nullable: true,
    description: "The client's own name for it; null without one.",
  })
  key: string | null;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'Holiday in Norway',
    description: 'Null until the first message, whose beginning it becomes, or until one is set.',
  })
  title: string | null;

  @ApiProperty({
    enum: TITLE_SOURCES,
    enumName: 'TitleSource',
    example: 'model',
    description:
      'Whose title it is: the first words of what was said (`auto`) until a `model` has made one, or that of a `user`, which nothing replaces but ' +
      '`POST /conversations/{id}/title`.',
  })
  title_source: TitleSource;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'parley-demo',
    description: 'Answers in this conversation; null means the default of `GET /models`.',
  })
  model: string | null;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'You are a patient travel guide.',
    description: 'What the model is told before the first message.',
  })
  system_prompt: string | null;

  @ApiProperty({
    type: SettingsDto,
    description: 'How the model should answer; those of a turn override them.',
  })
  settings: SettingsDto;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { project: 'norway' },
    description: "The client's own pairs of texts.",
  })
  metadata: Record<string, string>;

  @ApiProperty({ example: false, description: "The client's mark to show it on top." })
  pinned: boolean;

  @ApiProperty({ example: false, description: 'Out of the ordinary list.' })
  archived: boolean;

  @ApiId('reply', {
    nullable: true,
    description: 'The last message of the active path; null while there is none.',
  })
  active_message_id: string | null;

  @ApiTime('When the last message was posted; lists are ordered by it.')
  last_activity_at: Date;

  @ApiTime('When it was made.')
  created_at: Date;

  @ApiTime('When it was last changed.')
  updated_at: Date;
}

export function toConversationResponse(conversation: ConversationEntity): ConversationResponse {
  return {
    id: conversation.id,
    key: conversation.key,
    title: conversation.title,
    title_source: conversation.title_source,
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
