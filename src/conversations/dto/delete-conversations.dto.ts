import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsUUID } from 'class-validator';
import { STORAGE_BOUNDS } from '../../config/bounds';
import { EXAMPLE_IDS } from '../../http/openapi/api-properties';

const MOST = STORAGE_BOUNDS.deletedConversations.limit;

@ApiSchema({ name: 'DeleteConversations' })
export class DeleteConversationsDto {
  @ApiProperty({
    type: 'array',
    items: { type: 'string', format: 'uuid' },
    minItems: 1,
    maxItems: MOST,
    example: [EXAMPLE_IDS.conversation],
    description: 'The conversations.',
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MOST)
  @IsUUID(undefined, { each: true, message: 'must be ids' })
  ids: string[];
}

@ApiSchema({ name: 'DeletedConversations' })
export class DeletedConversationsResponse {
  @ApiProperty({
    type: 'array',
    items: { type: 'string', format: 'uuid' },
    example: [EXAMPLE_IDS.conversation],
    description: 'Those that were there, and are gone now.',
  })
  deleted: string[];
}
