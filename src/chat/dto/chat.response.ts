import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ApiId, EXAMPLE_IDS, EXAMPLE_TIME } from '../../http/openapi/api-properties';
import { MessageResponse, toMessageResponse } from '../../messages/dto/message.response';
import type { HistoryMessage } from '../../messages/messages.service';
import { textOf } from '../../messages/content/reply-content';

const QUESTION = 'What is the capital of Norway?';
const ASKED = {
  id: EXAMPLE_IDS.userMessage,
  conversation_id: EXAMPLE_IDS.conversation,
  parent_id: null,
  role: 'user',
  content: QUESTION,
  parts: [{ type: 'text', text: QUESTION }],
  status: 'completed',
  model: null,
  provider: null,
  usage: null,
  finish_reason: null,
  error: null,
  sibling_count: 1,
  sibling_position: 1,
  sibling_ids: [EXAMPLE_IDS.userMessage],
  feedback: null,
  created_at: EXAMPLE_TIME,
  updated_at: EXAMPLE_TIME,
};

@ApiSchema({ name: 'Turn', description: 'A whole turn: what was asked and what was answered.' })
export class ChatResponse {
  @ApiId('conversation', { description: 'The conversation.' })
  conversation_id: string;

  @ApiProperty({ example: 'Oslo.', description: 'The text of `message`.' })
  response: string;

  @ApiProperty({ type: MessageResponse, description: 'The reply.' })
  message: MessageResponse;

  @ApiProperty({ type: MessageResponse, example: ASKED, description: 'What it answers.' })
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
