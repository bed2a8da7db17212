import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsObject, IsOptional, IsString, IsUUID, Length, ValidateNested } from 'class-validator';
import { SettingsDto } from '../../conversations/dto/settings.dto';
import type { AppError } from '../../errors/app-error';
import { ApiId } from '../../http/openapi/api-properties';
import { validationFailed } from '../../http/validation.pipe';

export const CONTENT = {
  type: 'string',
  minLength: 1,
  example: 'What is the capital of Norway?',
  description: 'The message; at most `CHAT_MAX_CONTENT_CHARS` characters (100,000 unless configured).',
} as const;

export const SYNONYM = { ...CONTENT, description: 'The message; a synonym of `content`.' } as const;

/** What a user says in a conversation. */
export class SendMessageDto {
  @ApiPropertyOptional(CONTENT)
  @IsOptional()
  @IsString()
  content?: string;

  @ApiPropertyOptional(SYNONYM)
  @IsOptional()
  @IsString()
  message?: string;

  @ApiPropertyOptional({
    type: 'string',
    minLength: 1,
    maxLength: 200,
    example: 'parley-demo',
    description: "The id of a model of `GET /models`; without one, the conversation's.",
  })
  @IsOptional()
  @IsString()
  @Length(1, 200)
  model?: string;

  @ApiPropertyOptional({
    type: SettingsDto,
    description: "For this reply; they override the conversation's.",
  })
  @IsOptional()
  @IsObject()
  @ValidateNested({ message: 'must be an object' })
  @Type(() => SettingsDto)
  settings?: SettingsDto;

  @ApiId('reply', {
    required: false,
    description: 'The reply to go on from; without one, the end of the active path.',
  })
  @IsOptional()
  @IsUUID()
  parent_id?: string;
}

export class StartChatDto extends SendMessageDto {
  @ApiId('conversation', { required: false, description: 'Without one, a conversation is made.' })
  @IsOptional()
  @IsUUID()
  conversation_id?: string;
}

/**
 * The one text of `content` and `message`.
 * @throws AppError `validation_failed` for none, both, or one that is empty or longer than `max` characters
 */
export function contentOf({ content, message }: SendMessageDto, max: number): string {
  const path = content == null && message != null ? 'message' : 'content';
  if (content != null && message != null) throw wrong('message', 'must be absent where content is given');
  const text = content ?? message;
  if (text == null) throw wrong(path, 'must be a string');
  if (text === '') throw wrong(path, 'must not be empty');
  if (text.length > max && lengthOf(text) > max) throw wrong(path, `must be at most ${max} characters long`);
  return text;
}

function wrong(path: string, message: string): AppError {
  return validationFailed([{ path, message }]);
}

/** Characters as a person counts them, roughly: an emoji outside the basic plane is one. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}
