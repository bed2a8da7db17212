import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray } from 'class-validator';
import { STORAGE_BOUNDS } from '../../config/bounds';
import { EXAMPLE_IDS } from '../../http/openapi/api-properties';
import { IsConversationName, NAME_SCHEMA } from '../conversation-name';

const MOST = STORAGE_BOUNDS.deletedConversations.limit;

@ApiSchema({ name: 'DeleteConversations' })
export class DeleteConversationsDto {
  @ApiProperty({
    type: 'array',
    items: NAME_SCHEMA,
    minItems: 1,
    maxItems: MOST,
    example: [EXAMPLE_IDS.conversation],
    description: 'The conversations, by their ids or keys.',
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MOST)
  @IsConversationName({ each: true })
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
