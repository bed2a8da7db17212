import { ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsBoolean, IsOptional, IsUUID } from 'class-validator';
import { ApiConversationName, IsConversationName } from '../../conversations/conversation-name';
import { IsTimeToCome } from '../../http/day-or-time';
import { MayBeAbsent } from '../../http/may-be-absent';
import { EXAMPLE_IDS } from '../../http/openapi/api-properties';
import { PageQuery } from '../../http/page-query.dto';
import { OptionalBody } from '../../http/validation.pipe';

@OptionalBody()
@ApiSchema({ name: 'CreateShare', description: 'What is shared, and for how long.' })
export class CreateShareDto {
  @ApiPropertyOptional({
    type: 'string',
    format: 'uuid',
    example: EXAMPLE_IDS.reply,
    description:
      'The message at which the shared path ends; of a live share, through which it goes. Absent: the active path.',
  })
  @MayBeAbsent()
  @IsUUID()
  message_id?: string;

  @ApiPropertyOptional({
    type: 'string',
    format: 'date-time',
    nullable: true,
    example: '2099-12-31T00:00:00.000Z',
    description: 'When it ends by itself; never, if absent or null.',
  })
  @IsOptional()
  @IsTimeToCome()
  expires_at?: string | null;

  @ApiPropertyOptional({
    default: false,
    example: false,
    description:
      'Show what is there when it is read. Otherwise it shows what is there now, also what is deleted later.',
  })
  @MayBeAbsent()
  @IsBoolean()
  live?: boolean;
}

export class ListSharesQuery extends PageQuery {
  @ApiConversationName("Only of this conversation: its id, or the client's key for it.")
  @IsOptional()
  @IsConversationName()
  conversation_id?: string;
}
