import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ApiId } from '../../http/openapi/api-properties';
import { MessageResponse, toMessageResponse } from '../../messages/dto/message.response';
import type { HistoryMessage } from '../../messages/messages.service';
import { textOf } from '../../messages/reply-content';

/** A whole turn: what was asked and what was answered. */
@ApiSchema({ name: 'Turn', description: 'A whole turn: what was asked and what was answered.' })
export class ChatResponse {
  @ApiId('conversation', { description: 'The conversation.' })
  conversation_id: string;

  @ApiProperty({ example: 'Oslo.', description: 'The text of `message`.' })
  response: string;

  @ApiProperty({ type: MessageResponse, description: 'The reply.' })
  message: MessageResponse;

  @ApiProperty({ type: MessageResponse, description: 'What it answers.' })
  user_message: MessageResponse;
}

export function toChatResponse({
  reply,
  userMessage,
}: {
  reply: HistoryMessage;
  userMessage: HistoryMessage;
}): ChatResponse {
  return {
    conversation_id: reply.conversation_id,
    response: textOf(reply.parts),
    message: toMessageResponse(reply),
    user_message: toMessageResponse(userMessage),
  };
}
