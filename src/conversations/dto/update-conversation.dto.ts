import { ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsBoolean, ValidateIf } from 'class-validator';
import { CreateConversationDto } from './create-conversation.dto';

/** What is absent stays as it is; `null` clears a title, model or system prompt. */
@ApiSchema({
  name: 'UpdateConversation',
  description: 'What is absent stays as it is; `null` clears a title, model or system prompt.',
})
export class UpdateConversationDto extends CreateConversationDto {
  @ApiPropertyOptional({ type: Boolean, example: true, description: "The client's mark to show it on top." })
  @ValidateIf((dto: UpdateConversationDto) => dto.pinned !== undefined)
  @IsBoolean()
  pinned?: boolean;

  @ApiPropertyOptional({ type: Boolean, example: false, description: 'Out of the ordinary list.' })
  @ValidateIf((dto: UpdateConversationDto) => dto.archived !== undefined)
  @IsBoolean()
  archived?: boolean;
}
