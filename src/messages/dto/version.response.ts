import { ApiSchema } from '@nestjs/swagger';
import { ApiId } from '../../http/openapi/api-properties';
import type { Version } from '../messages.service';
import { MessageResponse, toMessageResponse } from './message.response';

@ApiSchema({ name: 'Version' })
export class VersionResponse extends MessageResponse {
  @ApiId('reply', {
    description:
      'Where the path through this version ends: the message that was last active below it, or itself.',
  })
  leaf_id: string;
}

export function toVersionResponse(version: Version): VersionResponse {
  return { ...toMessageResponse(version), leaf_id: version.leaf_id };
}
