import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ConversationResponse } from '../../conversations/dto/conversation.response';
import { MessageResponse } from './message.response';

@ApiSchema({ name: 'ConversationDetail' })
export class ConversationDetailResponse extends ConversationResponse {
  @ApiProperty({ type: [MessageResponse], description: 'The latest page of the active path, oldest first.' })
  messages: MessageResponse[];

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: null,
    description:
      'Given as `cursor` to `GET /conversations/{id}/messages`: the page before it; null if there is none.',
  })
  messages_cursor: string | null;
}
