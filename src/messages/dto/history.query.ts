import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsUUID } from 'class-validator';
import { PageQuery } from '../../http/page-query.dto';

export class PathThroughQuery extends PageQuery {
  @ApiProperty({ type: 'string', format: 'uuid', description: 'A message of the path.' })
  @IsUUID()
  message_id: string;
}

export class PathQuery extends PageQuery {
  @ApiPropertyOptional({
    type: 'string',
    format: 'uuid',
    description: 'The message at which the path ends; without one, the end of the active path.',
  })
  @IsOptional()
  @IsUUID()
  leaf?: string;
}
