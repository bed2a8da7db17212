import { ApiPropertyOptional, ApiSchema, OmitType } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import { MayBeAbsent } from '../../http/may-be-absent';
import { CreateConversationDto } from './create-conversation.dto';

@ApiSchema({
  name: 'UpdateConversation',
  description:
    'What is absent stays as it is; `null` clears a title, model or system prompt, and is as if absent for the others.',
})
export class UpdateConversationDto extends OmitType(CreateConversationDto, ['key']) {
  @ApiPropertyOptional({ type: Boolean, example: true, description: "The client's mark to show it on top." })
  @MayBeAbsent()
  @IsBoolean()
  pinned?: boolean;

  @ApiPropertyOptional({ type: Boolean, example: false, description: 'Out of the ordinary list.' })
  @MayBeAbsent()
  @IsBoolean()
  archived?: boolean;
}
