import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, IsUUID, Max, MaxLength, Min, ValidateIf } from 'class-validator';
import { PageQuery } from '../../http/page-query.dto';
import type { FeedbackEntity } from '../feedback.entity';

const RATING = { type: 'integer', minimum: 1, maximum: 5, example: 5, description: 'From 1, bad, to 5, good.' } as const;

export class CreateFeedbackDto {
  @ApiProperty({ type: 'string', format: 'uuid', description: 'The reply.' })
  @IsUUID()
  message_id: string;

  @ApiProperty(RATING)
  @IsInt()
  @Min(1)
  @Max(5)
  rating: number;

  @ApiPropertyOptional({ type: 'string', nullable: true, maxLength: 4000, example: 'Just what I needed.' })
  @IsOptional()
  @IsString()
  @MaxLength(4000)
  comment?: string | null;
}

export class UpdateFeedbackDto extends OmitType(CreateFeedbackDto, ['message_id', 'rating']) {
  @ApiPropertyOptional(RATING)
  @ValidateIf((dto: UpdateFeedbackDto) => dto.rating !== undefined)
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

  @ApiPropertyOptional({ type: 'string', format: 'uuid', description: 'Only in this conversation.' })
  @IsOptional()
  @IsUUID()
  conversation_id?: string;
}

export class FeedbackResponse {
  @ApiProperty({ format: 'uuid', example: '019a5b1c-7f00-7000-8000-000000000009' })
  id: string;

  @ApiProperty({ format: 'uuid' })
  message_id: string;

  @ApiProperty({ format: 'uuid' })
  conversation_id: string;

  @ApiProperty(RATING)
  rating: number;

  @ApiProperty({ type: 'string', nullable: true, example: 'Just what I needed.' })
  comment: string | null;

  @ApiProperty({ format: 'date-time' })
  created_at: Date;

  @ApiProperty({ format: 'date-time' })
  updated_at: Date;
}

export function toFeedbackResponse(feedback: FeedbackEntity): FeedbackResponse {
  const { id, message_id, conversation_id, rating, comment, created_at, updated_at } = feedback;
  return { id, message_id, conversation_id, rating, comment, created_at, updated_at };
}
