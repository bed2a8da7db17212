import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import { PageQuery } from '../../http/page-query.dto';

export class ListConversationsQuery extends PageQuery {
  @ApiPropertyOptional({
    type: 'string',
    minLength: 1,
    maxLength: 200,
    description: 'Only those with this text in the title, whatever the case.',
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
  @IsIn(['true', 'false'], { message: 'must be true or false' })
  archived?: 'true' | 'false';
}
