import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ApiTime } from '../../http/openapi/api-properties';
import type { ProbeCode, ProbeResult } from '../provider-probe';
import type { Provider } from '../providers.service';

const CODES: ProbeCode[] = ['ok', 'auth_failed', 'refused', 'unreachable', 'invalid_response'];

@ApiSchema({ name: 'Provider', description: 'A model provider of your own, without its key.' })
export class ProviderResponse {
  @ApiProperty({ description: 'Its id.', format: 'uuid', example: '019a5b1c-7f00-7000-8000-000000000012' })
  id!: string;

  @ApiProperty({ description: 'Its models are asked for as `<name>/<model>`.', example: 'my-openai' })
  name!: string;

  @ApiProperty({ description: 'Its address.', example: 'https://api.openai.com/v1' })
  base_url!: string;

  @ApiProperty({
    description: "The provider's own names of its models.",
    type: [String],
    example: ['gpt-5-mini'],
  })
  models!: string[];

  @ApiProperty({ description: 'How the key ends, to tell keys apart.', example: 'cdef' })
  key_last4!: string;

  @ApiTime('When it was made.')
  created_at!: string;

  @ApiTime('When it was changed.')
  updated_at!: string;
}

@ApiSchema({ name: 'ProviderCheck', description: 'Whether a provider can be used.' })
export class ProviderCheckResponse {
  @ApiProperty({ description: 'Whether it answered as it should.', example: true })
  ok!: boolean;

  @ApiProperty({ description: 'What came of it.', enum: CODES, example: 'ok' })
  code!: ProbeCode;

  @ApiProperty({ description: 'The models that it says it has.', type: [String], example: ['gpt-5-mini'] })
  models!: string[];
}

export function toProviderResponse(provider: Provider): ProviderResponse {
  const { id, name, base_url, models, key_last4, created_at, updated_at } = provider;
  return {
    id,
    name,
    base_url,
    models,
    key_last4,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  };
}

export function toProviderCheckResponse({ code, models }: ProbeResult): ProviderCheckResponse {
  return { ok: code === 'ok', code, models };
}
