import { ApiSchema } from '@nestjs/swagger';
import { IsUUID } from 'class-validator';
import { MayBeAbsent } from '../../http/may-be-absent';
import { ApiId } from '../../http/openapi/api-properties';
import { OptionalBody } from '../../http/validation.pipe';

@OptionalBody()
@ApiSchema({ name: 'ForkConversation' })
export class ForkConversationDto {
  @ApiId('reply', {
    required: false,
    description: 'Where the copied path ends; without one, the end of the active path.',
  })
  @MayBeAbsent()
  @IsUUID()
  message_id?: string;
}
