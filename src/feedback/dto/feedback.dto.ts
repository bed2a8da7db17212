import { ApiProperty, ApiPropertyOptional, ApiSchema, OmitType } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, IsUUID, Max, MaxLength, Min } from 'class-validator';
import { ApiConversationName, IsConversationName } from '../../conversations/conversation-name';
import { MayBeAbsent } from '../../http/may-be-absent';
import { ApiId, ApiTime } from '../../http/openapi/api-properties';
import { PageQuery } from '../../http/page-query.dto';
import type { FeedbackEntity } from '../feedback.entity';

const RATING = {
  type: 'integer',
  minimum: 1,
  maximum: 5,
  example: 5,
  description: 'From 1, bad, to 5, good.',
} as const;

@ApiSchema({ name: 'CreateFeedback' })
export class CreateFeedbackDto {
  @ApiId('reply', { description: 'The reply that is rated.' })
  @IsUUID()
  message_id: string;

  @ApiProperty(RATING)
  @IsInt()
  @Min(1)
  @Max(5)
  rating: number;

  @ApiPropertyOptional({
    type: 'string',
    nullable: true,
    maxLength: 4000,
    example: 'Just what I needed.',
    description: 'Why.',
  })
  @IsOptional()
  @IsString()
  @MaxLength(4000)
  comment?: string | null;
}

@ApiSchema({
  name: 'UpdateFeedback',
  description: 'What is absent stays as it is, and a rating of `null`; a `null` comment clears it.',
})
export class UpdateFeedbackDto extends OmitType(CreateFeedbackDto, ['message_id', 'rating']) {
  @ApiPropertyOptional(RATING)
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(5)
  rating?: number;
}

export class ListFeedbackQuery extends PageQuery {
  @ApiPropertyOptional({ type: 'string', format: 'uuid', description: 'Only on this message.' })
  @IsOptional()
  @IsUUID()
  message_id?: string;

  @ApiConversationName("Only in this conversation: its id, or the client's key for it.")
  @IsOptional()
  @IsConversationName()
  conversation_id?: string;
}

@ApiSchema({ name: 'Feedback' })
export class FeedbackResponse {
  @ApiId('feedback', { description: 'The id of the feedback.' })
  id: string;

  @ApiId('reply', { description: 'The reply that is rated.' })
  message_id: string;

  @ApiId('conversation', { description: 'The conversation of the reply.' })
  conversation_id: string;

  @ApiProperty(RATING)
  rating: number;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'Just what I needed.',
    description: 'Why; null without one.',
  })
  comment: string | null;

  @ApiTime('When it was first given.')
  created_at: Date;

  @ApiTime('When it was last changed.')
  updated_at: Date;
}

export function toFeedbackResponse(feedback: FeedbackEntity): FeedbackResponse {
  const { id, message_id, conversation_id, rating, comment, created_at, updated_at } = feedback;
  return { id, message_id, conversation_id, rating, comment, created_at, updated_at };
}
