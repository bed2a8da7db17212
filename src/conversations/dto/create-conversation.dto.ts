import { ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsObject, IsOptional, IsString, Length, Matches, MaxLength, ValidateNested } from 'class-validator';
import { MayBeAbsent } from '../../http/may-be-absent';
import { IsConversationKey, KEY_SCHEMA } from '../conversation-name';
import { IsMetadata, METADATA_MAX_PAIRS } from './is-metadata';
import { SettingsDto } from './settings.dto';

/** A new conversation; `{}` makes an empty one. */
@ApiSchema({
  name: 'CreateConversation',
  description: 'A new conversation; `{}` makes an empty one.',
})
export class CreateConversationDto {
  @ApiPropertyOptional({
    ...KEY_SCHEMA,
    description:
      "The client's own name for it, which is taken wherever an id of a conversation is. A user has one conversation with a key; it has no form of a UUID, and is neither `.` nor `..`.",
  })
  @MayBeAbsent()
  @IsConversationKey()
  key?: string;

  @ApiPropertyOptional({
    type: 'string',
    nullable: true,
    minLength: 1,
    maxLength: 200,
    example: 'Holiday in Norway',
    description: 'Without one, the beginning of the first message becomes the title.',
  })
  @IsOptional()
  @IsString()
  @Length(1, 200)
  title?: string | null;

  @ApiPropertyOptional({
    type: 'string',
    nullable: true,
    minLength: 1,
    maxLength: 200,
    example: 'parley-demo',
    description: 'The id of a model of `GET /models`; without one, the default.',
  })
  @IsOptional()
  @IsString()
  @Length(1, 200)
  model?: string | null;

  @ApiPropertyOptional({
    type: 'string',
    nullable: true,
    maxLength: 32_000,
    pattern: '\\S',
    example: 'You are a patient travel guide.',
    description: 'What the model is told before the first message.',
  })
  @IsOptional()
  @IsString()
  @MaxLength(32_000)
  @Matches(/\S/, { message: 'must not be blank' })
  system_prompt?: string | null;

  @ApiPropertyOptional({
    type: SettingsDto,
    description: 'How the model should answer in this conversation.',
  })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested({ message: 'must be an object' })
  @Type(() => SettingsDto)
  settings?: SettingsDto;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string', maxLength: 512 },
    maxProperties: METADATA_MAX_PAIRS,
    example: { project: 'norway' },
    description:
      "The client's own pairs of texts, with keys of 1 to 64 characters; the service only keeps them.",
  })
  @MayBeAbsent()
  @IsMetadata()
  metadata?: Record<string, string>;
}
