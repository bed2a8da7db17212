import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ApiTime, EXAMPLE_TIME } from '../../../http/openapi/api-properties';
import { type Scope, SCOPES } from '../../identity';
import type { ApiKey } from '../api-keys.service';

@ApiSchema({ name: 'ApiKey', description: 'A key with which a program acts for its user.' })
export class ApiKeyResponse {
  @ApiProperty({ description: 'Its id.', format: 'uuid', example: '019a5b1c-7f00-7000-8000-000000000011' })
  id!: string;

  @ApiProperty({ description: 'To tell keys apart.', example: 'Nightly import' })
  name!: string;

  @ApiProperty({ description: 'How the key begins.', example: 'parley_kX2bV' })
  prefix!: string;

  @ApiProperty({
    description: 'What it may be used for.',
    enum: SCOPES,
    isArray: true,
    example: ['chat:write', 'conversations:read'],
  })
  scopes!: Scope[];

  @ApiProperty({
    description: 'When it ends by itself; null for never.',
    type: 'string',
    format: 'date-time',
    nullable: true,
    example: null,
  })
  expires_at!: string | null;

  @ApiProperty({
    description: 'To the minute; null for a key that was not used yet.',
    type: 'string',
    format: 'date-time',
    nullable: true,
    example: EXAMPLE_TIME,
  })
  last_used_at!: string | null;

  @ApiTime('When it was made.')
  created_at!: string;
}

@ApiSchema({ name: 'NewApiKey', description: 'A new key, which is shown this once.' })
export class NewApiKeyResponse extends ApiKeyResponse {
  @ApiProperty({
    description: 'For `Authorization: Bearer`. It cannot be had again.',
    example: 'parley_kX2bV0v8c1Q3m7Zt5yR9pL4wN6sD0fGhJkE2uIoA1Bc',
  })
  key!: string;
}

export function toApiKeyResponse(key: ApiKey): ApiKeyResponse {
  const { id, name, prefix, scopes } = key;
  return {
    id,
    name,
    prefix,
    scopes,
    expires_at: key.expires_at?.toISOString() ?? null,
    last_used_at: key.last_used_at?.toISOString() ?? null,
    created_at: key.created_at.toISOString(),
  };
}
