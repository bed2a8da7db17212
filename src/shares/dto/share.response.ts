import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { ApiId, ApiTime } from '../../http/openapi/api-properties';
import type { SharedMessage } from '../shared-messages';
import type { Share } from '../shares.repository';
import type { SharedConversation } from '../shares.service';

@ApiSchema({ name: 'Share', description: 'A path of a conversation that whoever has the link may read.' })
export class ShareResponse {
  @ApiId('share', { description: 'The id of the share.' })
  id: string;

  @ApiId('conversation', { description: 'The conversation.' })
  conversation_id: string;

  @ApiId('reply', {
    nullable: true,
    description: 'The message at which the path ends, or through which it goes; null for the active path.',
  })
  message_id: string | null;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'Norway',
    description: 'The title that is shown; null for that of the conversation.',
  })
  title: string | null;

  @ApiProperty({ example: false, description: 'Whether it shows what is there when it is read.' })
  live: boolean;

  @ApiTime('When it was made.')
  created_at: Date;

  @ApiProperty({
    type: 'string',
    format: 'date-time',
    nullable: true,
    example: null,
    description: 'When it ends by itself; null for never.',
  })
  expires_at: Date | null;
}

@ApiSchema({ name: 'NewShare', description: 'A new share, whose link is shown this once.' })
export class NewShareResponse extends ShareResponse {
  @ApiProperty({
    example: 'kX2bV0v8c1Q3m7Zt5yR9pL4wN6sD0fGhJkE2uIoA1Bc',
    description: 'For `GET /shared/{token}`. It cannot be had again.',
  })
  token: string;

  @ApiProperty({
    example: 'https://chat.example.com/#/shared/kX2bV0v8c1Q3m7Zt5yR9pL4wN6sD0fGhJkE2uIoA1Bc',
    description: "The page's address with it.",
  })
  url: string;
}

@ApiSchema({ name: 'SharedPart' })
class SharedPartResponse {
  @ApiProperty({ enum: ['text'], example: 'text', description: 'Nothing else is shared.' })
  type: 'text';

  @ApiProperty({ example: 'Oslo.', description: 'The text.' })
  text: string;
}

@ApiSchema({ name: 'SharedMessage' })
export class SharedMessageResponse {
  @ApiProperty({ enum: ['user', 'assistant'], example: 'assistant', description: 'Who wrote it.' })
  role: string;

  @ApiProperty({ example: 'Oslo.', description: 'The text, without reasoning.' })
  content: string;

  @ApiProperty({ type: [SharedPartResponse], description: 'The same as parts.' })
  parts: SharedPartResponse[];

  @ApiTime('When it was posted.')
  created_at: string;
}

@ApiSchema({ name: 'SharedConversation', description: 'What is shared.' })
export class SharedConversationResponse {
  @ApiProperty({ type: 'string', nullable: true, example: 'Norway', description: 'Its title.' })
  title: string | null;

  @ApiProperty({ type: [SharedMessageResponse], description: 'The path, oldest first.' })
  messages: SharedMessageResponse[];

  @ApiPropertyOptional({
    type: Boolean,
    example: true,
    description: 'Only where the path is too long to be shown whole: these are its last messages.',
  })
  messages_truncated?: true;

  @ApiTime('When it was shared.')
  created_at: Date;
}

export function toShareResponse(share: Share): ShareResponse {
  const { id, conversation_id, message_id, title, live, created_at, expires_at } = share;
  return { id, conversation_id, message_id, title, live, created_at, expires_at };
}

export function toSharedConversationResponse(shared: SharedConversation): SharedConversationResponse {
  return { ...shared, messages: shared.messages.map(toSharedMessageResponse) };
}

function toSharedMessageResponse({ role, content, created_at }: SharedMessage): SharedMessageResponse {
  return { role, content, parts: [{ type: 'text', text: content }], created_at };
}
