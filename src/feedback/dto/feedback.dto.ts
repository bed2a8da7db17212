import { ApiProperty, ApiPropertyOptional, ApiSchema, IntersectionType, OmitType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { STORAGE_BOUNDS } from '../../config/bounds';
import { ApiConversationName, IsConversationName } from '../../conversations/conversation-name';
import { DAY_OR_TIME_SCHEMA, IsDayOrTime } from '../../http/day-or-time';
import { MayBeAbsent } from '../../http/may-be-absent';
import { ApiId, ApiTime } from '../../http/openapi/api-properties';
import { digitsToNumber, PageQuery } from '../../http/page-query.dto';
import { FEEDBACK_GROUPS, type FeedbackGroup } from '../feedback-filter';
import type { Feedback } from '../feedback.repository';
import type { GivenFeedback } from '../feedback-reports.repository';

const RATING = {
  type: 'integer',
  minimum: 1,
  maximum: 5,
  example: 5,
  description: 'From 1, bad, to 5, good.',
} as const;

const TAG_LENGTH = 64;
const TAGS = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: TAG_LENGTH, pattern: '\\S' },
  maxItems: STORAGE_BOUNDS.feedbackTags.limit,
  example: ['helpful'],
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

  @ApiPropertyOptional({
    ...TAGS,
    description: 'Words for why, of your own choice. What stands there twice counts once.',
  })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(STORAGE_BOUNDS.feedbackTags.limit)
  @IsString({ each: true })
  @Length(1, TAG_LENGTH, { each: true })
  @Matches(/\S/, { each: true, message: 'each must not be blank' })
  tags?: string[];
}

@ApiSchema({
  name: 'UpdateFeedback',
  description:
    'What is absent stays as it is, and so does what is `null`, but for the comment, which `null` clears.',
})
export class UpdateFeedbackDto extends OmitType(CreateFeedbackDto, ['message_id', 'rating']) {
  @ApiPropertyOptional(RATING)
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(5)
  rating?: number;
}

/** Filters of lists, summaries and exports. */
export class FeedbackFilterQuery {
  @ApiPropertyOptional({ ...RATING, description: 'Only with this rating.' })
  @IsOptional()
  @Transform(digitsToNumber)
  @IsInt({ message: 'must be a whole number from 1 to 5' })
  @Min(1)
  @Max(5)
  rating?: number;

  @ApiPropertyOptional({
    type: 'string',
    minLength: 1,
    maxLength: 200,
    example: 'gpt-5-mini',
    description: 'Only on replies of this model.',
  })
  @IsOptional()
  @IsString()
  @Length(1, 200)
  model?: string;

  @ApiPropertyOptional({
    type: 'string',
    minLength: 1,
    maxLength: TAG_LENGTH,
    example: 'helpful',
    description: 'Only with this tag.',
  })
  @IsOptional()
  @IsString()
  @Length(1, TAG_LENGTH)
  tag?: string;

  @ApiPropertyOptional({
    ...DAY_OR_TIME_SCHEMA,
    example: '2026-11-01',
    description: 'Only given on this day in UTC or later, or at this time (RFC 3339) or later.',
  })
  @IsOptional()
  @IsDayOrTime()
  from?: string;

  @ApiPropertyOptional({
    ...DAY_OR_TIME_SCHEMA,
    example: '2026-11-30',
    description: 'The last day, or the latest time.',
  })
  @IsOptional()
  @IsDayOrTime()
  to?: string;
}

export class ListFeedbackQuery extends IntersectionType(PageQuery, FeedbackFilterQuery) {
  @ApiPropertyOptional({ type: 'string', format: 'uuid', description: 'Only on this message.' })
  @IsOptional()
  @IsUUID()
  message_id?: string;

  @ApiConversationName("Only in this conversation: its id, or the client's key for it.")
  @IsOptional()
  @IsConversationName()
  conversation_id?: string;

  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    description: "Everybody's; for administrators, and not with an API key. It is audited.",
  })
  @IsOptional()
  @IsIn(['true', 'false'], { message: 'must be true or false' })
  all?: 'true' | 'false';
}

export class FeedbackSummaryQuery extends FeedbackFilterQuery {
  @ApiPropertyOptional({
    enum: FEEDBACK_GROUPS,
    default: 'day',
    example: 'model',
    description: 'What each row is about: the model that replied, the day in UTC, or the tag.',
  })
  @IsOptional()
  @IsIn(FEEDBACK_GROUPS)
  group_by?: FeedbackGroup;
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

  @ApiProperty({ ...TAGS, description: 'Words for why.' })
  tags: string[];

  @ApiPropertyOptional({ example: 'alice', description: 'Who gave it; only in the list of everybody’s.' })
  user_id?: string;

  @ApiPropertyOptional({
    type: 'string',
    nullable: true,
    example: 'gpt-5-mini',
    description: 'The model that replied; only in the list of everybody’s.',
  })
  model?: string | null;

  @ApiTime('When it was first given.')
  created_at: Date;

  @ApiTime('When it was last changed.')
  updated_at: Date;
}

export function toFeedbackResponse(feedback: Feedback): FeedbackResponse {
  const { id, message_id, conversation_id, rating, comment, tags, created_at, updated_at } = feedback;
  return { id, message_id, conversation_id, rating, comment, tags, created_at, updated_at };
}

/** With whose it is. */
export function toGivenFeedbackResponse(feedback: GivenFeedback): FeedbackResponse {
  const { user_id, model } = feedback;
  return { ...toFeedbackResponse(feedback), user_id, model };
}

@ApiSchema({ name: 'FeedbackSummaryRow', description: 'The feedback of one model, day or tag.' })
export class FeedbackSummaryRowResponse {
  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'gpt-5-mini',
    description: 'The model, day or tag; null for replies of no known model.',
  })
  key: string | null;

  @ApiProperty({ type: 'integer', example: 12, description: 'How many.' })
  count: number;

  @ApiProperty({ type: 'number', example: 4.25, description: 'The average rating.' })
  average: number;
}

@ApiSchema({ name: 'FeedbackSummary' })
export class FeedbackSummaryResponse {
  @ApiProperty({
    type: [FeedbackSummaryRowResponse],
    description: 'One row for each, in the order of their keys. Feedback counts for each of its tags.',
  })
  data: FeedbackSummaryRowResponse[];

  @ApiPropertyOptional({
    type: Boolean,
    example: true,
    description: `Only if there are more than ${STORAGE_BOUNDS.feedbackGroups.limit} rows: \`data\` has the last days, or the models or tags with the most feedback.`,
  })
  data_truncated?: boolean;
}
