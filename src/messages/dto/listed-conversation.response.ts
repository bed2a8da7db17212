import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ConversationResponse, toConversationResponse } from '../../conversations/dto/conversation.response';
import { ApiId, ApiTime } from '../../http/openapi/api-properties';
import { MESSAGE_ROLES, type MessageRole, type OpenStatus } from '../message.types';
import type { ListedConversation } from '../overview.repository';

/** Maximum length of a preview in UTF-16 code units, as most clients count. */
const PREVIEW_LENGTH = 120;

@ApiSchema({ name: 'RunningReply' })
export class RunningReplyResponse {
  @ApiId('reply', { description: 'The reply.' })
  message_id: string;

  @ApiProperty({
    type: 'string',
    enum: ['streaming', 'queued'],
    example: 'streaming',
    description: '`queued`: nothing runs, and this is what waits for its turn first.',
  })
  status: OpenStatus;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'parley-demo',
    description: 'The model that is asked.',
  })
  model: string | null;
}

@ApiSchema({ name: 'LastMessage' })
export class LastMessageResponse {
  @ApiId('reply', { description: 'The message.' })
  id: string;

  @ApiProperty({ type: 'string', enum: MESSAGE_ROLES, example: 'assistant', description: 'Who wrote it.' })
  role: MessageRole;

  @ApiProperty({
    maxLength: PREVIEW_LENGTH,
    example: 'Oslo.',
    description: 'The beginning of its text, white space as one blank; empty while a reply is being written.',
  })
  preview: string;

  @ApiTime('When it was posted.')
  created_at: Date;
}

@ApiSchema({ name: 'ListedConversation' })
export class ListedConversationResponse extends ConversationResponse {
  @ApiProperty({
    type: RunningReplyResponse,
    nullable: true,
    description: 'The reply that runs or waits in it.',
  })
  running: RunningReplyResponse | null;

  @ApiProperty({
    type: LastMessageResponse,
    nullable: true,
    description: 'The end of its active path; null while there is none.',
  })
  last_message: LastMessageResponse | null;

  @ApiProperty({
    example: false,
    description:
      'Whether a reply has ended since the user last read it (`POST /conversations/{id}/read`) or wrote in it.',
  })
  unread: boolean;

  @ApiProperty({ type: 'integer', example: 2, description: 'Messages in it, on all branches.' })
  message_count: number;
}

export function toListedConversationResponse(conversation: ListedConversation): ListedConversationResponse {
  const { running_id, running_status, running_model, last_id, last_role, last_text, last_at } = conversation;
  return {
    ...toConversationResponse(conversation),
    running:
      running_id === null ? null : { message_id: running_id, status: running_status, model: running_model },
    last_message:
      last_id === null
        ? null
        : { id: last_id, role: last_role, preview: previewOf(last_text ?? ''), created_at: last_at },
    unread: conversation.unread,
    message_count: conversation.message_count,
  };
}

function previewOf(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  if (line.length <= PREVIEW_LENGTH) return line;
  const cut = line.slice(0, PREVIEW_LENGTH);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}
