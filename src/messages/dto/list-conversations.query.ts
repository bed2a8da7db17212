import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import { IsMetadata } from '../../conversations/dto/is-metadata';
import { PageQuery } from '../../http/page-query.dto';
import { PrefixedFields } from '../../http/validation.pipe';

type Flag = 'true' | 'false';

const IsFlag = () => IsIn(['true', 'false'], { message: 'must be true or false' });

/** `metadata.project=norway` becomes `metadata: { project: 'norway' }`. */
@PrefixedFields('metadata')
export class ListConversationsQuery extends PageQuery {
  @ApiPropertyOptional({
    type: 'string',
    minLength: 1,
    maxLength: 200,
    description:
      'Only those with these words in the title or a message, as `GET /search` finds them, or with this text in the title, whatever the case.',
  })
  @IsOptional()
  @IsString()
  @Length(1, 200)
  q?: string;

  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    description: 'Archived conversations instead of the others.',
  })
  @IsOptional()
  @IsFlag()
  archived?: Flag;

  @ApiPropertyOptional({
    type: Boolean,
    description: 'Only those that are pinned, or only those that are not.',
  })
  @IsOptional()
  @IsFlag()
  pinned?: Flag;

  @ApiPropertyOptional({
    type: Boolean,
    description: 'Only those in which a reply runs or waits, or only the others.',
  })
  @IsOptional()
  @IsFlag()
  running?: Flag;

  @ApiPropertyOptional({
    type: Boolean,
    description:
      'Only those in which a reply has ended since the user read or wrote in it, or only the others.',
  })
  @IsOptional()
  @IsFlag()
  unread?: Flag;

  @ApiPropertyOptional({
    type: 'string',
    minLength: 1,
    maxLength: 200,
    description: 'Only those that have this model set.',
  })
  @IsOptional()
  @IsString()
  @Length(1, 200)
  model?: string;

  @ApiPropertyOptional({
    type: 'string',
    enum: ['pinned', 'activity'],
    default: 'pinned',
    description: '`pinned`: pinned conversations first, then newest activity; `activity`: by activity alone.',
  })
  @IsOptional()
  @IsIn(['pinned', 'activity'], { message: 'must be pinned or activity' })
  order?: 'pinned' | 'activity';

  // Keys of metadata are the client's own, so they are documented with the route (`ApiMetadataFilter`).
  @IsOptional()
  @IsMetadata()
  metadata?: Record<string, string>;
}
