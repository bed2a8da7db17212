import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ConversationResponse, toConversationResponse } from '../../conversations/dto/conversation.response';
import { ApiId, ApiTime } from '../../http/openapi/api-properties';
import type { FoundHit } from '../search.service';

@ApiSchema({ name: 'SearchHit' })
export class SearchHitResponse {
  @ApiProperty({ type: ConversationResponse, description: 'The conversation that it is in.' })
  conversation: ConversationResponse;

  @ApiId('reply', { nullable: true, description: 'The message; null: it is in the title.' })
  message_id: string | null;

  @ApiProperty({
    type: 'string',
    nullable: true,
    enum: ['user', 'assistant'],
    example: 'assistant',
    description: 'Who wrote the message; null: it is in the title.',
  })
  role: string | null;

  @ApiTime('When the message was posted, or the conversation made.')
  created_at: Date;

  @ApiProperty({
    example: '…the fjords are best seen in two weeks of June…',
    description: 'A piece of the message, or the title: plain text on one line, `…` where there is more.',
  })
  snippet: string;

  @ApiProperty({
    type: 'array',
    items: { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 2 },
    example: [
      [5, 11],
      [30, 39],
    ],
    description:
      'What was looked for: from, and up to, in UTF-16 code units of `snippet`, ascending and without overlaps.',
  })
  highlights: [number, number][];

  @ApiProperty({
    type: 'number',
    example: 0.243171,
    description:
      'How well it matches, for comparing the hits of one search. Among more than 400 hits the newest 400 are ranked first, then older ones.',
  })
  score: number;
}

export function toSearchHitResponse({ hit, conversation, snippet }: FoundHit): SearchHitResponse {
  return {
    conversation: toConversationResponse(conversation),
    message_id: hit.role === null ? null : hit.id,
    role: hit.role,
    created_at: hit.created_at,
    snippet: snippet.text,
    highlights: snippet.highlights,
    score: hit.score / 1_000_000,
  };
}
