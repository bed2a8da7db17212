import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length, ValidateBy } from 'class-validator';
import { SEARCH_BOUNDS } from '../../config/bounds';
import { ApiConversationName, IsConversationName } from '../../conversations/conversation-name';
import { PageQuery } from '../../http/page-query.dto';

const ROLES = ['user', 'assistant'] as const;

const ApiMoment = (description: string) =>
  ApiPropertyOptional({ type: 'string', format: 'date-time', description });
/** A day is its beginning in UTC. */
const MOMENT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;
const IsMoment = () =>
  ValidateBy({
    name: 'isMoment',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'string' && MOMENT.test(value) && !Number.isNaN(Date.parse(value)),
      defaultMessage: () => 'must be a time in ISO 8601 with its zone, or a day',
    },
  });

export class SearchQuery extends PageQuery {
  @ApiProperty({
    minLength: 1,
    maxLength: SEARCH_BOUNDS.query.limit,
    example: 'fjords "two weeks" -oslo',
    description:
      'All of its words are looked for, of which the last one may be the beginning of a word; `"…"` is a phrase, `-` stands before what is not wanted. ' +
      'English words are found in all their forms; Chinese, Japanese, Korean, Thai and the like as they are written.',
  })
  @IsString()
  @Length(1, SEARCH_BOUNDS.query.limit)
  q: string;

  @ApiConversationName('Only in this conversation, by its id or key.')
  @IsOptional()
  @IsConversationName()
  conversation_id?: string;

  @ApiPropertyOptional({
    type: 'string',
    enum: ROLES,
    description: 'Only what the user, or a model, has written; no titles.',
  })
  @IsOptional()
  @IsIn(ROLES, { message: 'must be user or assistant' })
  role?: (typeof ROLES)[number];

  @ApiMoment('Only what was posted at this time or later, or on this day (UTC).')
  @IsOptional()
  @IsMoment()
  from?: string;

  @ApiMoment('Only what was posted before this time, or this day (UTC).')
  @IsOptional()
  @IsMoment()
  to?: string;
}
