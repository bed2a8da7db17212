import { ApiPropertyOptional, ApiSchema, OmitType, PickType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsObject, IsString, IsUUID, Length, ValidateNested } from 'class-validator';
import { ApiConversationName, IsConversationName } from '../../conversations/conversation-name';
import { SettingsDto } from '../../conversations/dto/settings.dto';
import { MayBeAbsent } from '../../http/may-be-absent';
import { ApiId } from '../../http/openapi/api-properties';
import { OptionalBody } from '../../http/validation.pipe';
import { ON_BUSY, type OnBusy } from '../../turns/turn-command';

export const CONTENT = {
  type: 'string',
  minLength: 1,
  pattern: '\\S',
  example: 'What is the capital of Norway?',
  description:
    'The message, which is not blank; at most `CHAT_MAX_CONTENT_CHARS` characters (100,000 unless configured).',
} as const;

export const SYNONYM = { ...CONTENT, description: 'The message; a synonym of `content`.' } as const;

/** A user message and the options of its reply. */
export class SendMessageDto {
  @ApiPropertyOptional(CONTENT)
  @MayBeAbsent()
  @IsString()
  content?: string;

  @ApiPropertyOptional(SYNONYM)
  @MayBeAbsent()
  @IsString()
  message?: string;

  @ApiPropertyOptional({
    type: 'string',
    minLength: 1,
    maxLength: 200,
    example: 'parley-demo',
    description: "The id of a model of `GET /models`; without one, the conversation's.",
  })
  @MayBeAbsent()
  @IsString()
  @Length(1, 200)
  model?: string;

  @ApiPropertyOptional({
    type: SettingsDto,
    description: "For this reply; they override the conversation's.",
  })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested({ message: 'must be an object' })
  @Type(() => SettingsDto)
  settings?: SettingsDto;

  @ApiPropertyOptional({
    type: 'string',
    enum: ON_BUSY,
    example: 'queue',
    description:
      'While another reply of the conversation is open: `reject` (409, the default); `queue`: the message is stored, and ' +
      'the reply waits for its turn; `interrupt`: what runs is stopped, what is queued is cancelled, and this comes next.',
  })
  @MayBeAbsent()
  @IsIn(ON_BUSY)
  on_busy?: OnBusy;

  @ApiId('reply', {
    required: false,
    description: 'The reply to go on from; without one, the end of the active path.',
  })
  @MayBeAbsent()
  @IsUUID()
  parent_id?: string;
}

export class StartChatDto extends SendMessageDto {
  @ApiConversationName(
    "Its id, or the client's key for it. Without one, or with a key that none has, a conversation is made.",
  )
  @MayBeAbsent()
  @IsConversationName()
  conversation_id?: string;
}

/** A new version of a user message. */
@ApiSchema({ name: 'EditMessage' })
export class EditMessageDto extends OmitType(SendMessageDto, ['parent_id']) {}

/** Options of a further reply; without a body, those of the conversation apply. */
@OptionalBody()
@ApiSchema({ name: 'ReplyOptions' })
export class ReplyOptionsDto extends PickType(SendMessageDto, ['model', 'settings', 'on_busy']) {}
