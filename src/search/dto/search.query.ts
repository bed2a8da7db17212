import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsISO8601, IsOptional, IsString, Length } from 'class-validator';
import { SEARCH_BOUNDS } from '../../config/bounds';
import { ApiConversationName, IsConversationName } from '../../conversations/conversation-name';
import { PageQuery } from '../../http/page-query.dto';

const ROLES = ['user', 'assistant'] as const;

const ApiMoment = (description: string) =>
  ApiPropertyOptional({ type: 'string', format: 'date-time', description });
const IsMoment = () =>
  IsISO8601({ strict: true, strictSeparator: true }, { message: 'must be a time in ISO 8601' });

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

  @ApiMoment('Only what was posted at this time or later.')
  @IsOptional()
  @IsMoment()
  from?: string;

  @ApiMoment('Only what was posted before this time.')
  @IsOptional()
  @IsMoment()
  to?: string;
}
