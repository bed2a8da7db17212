import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { PROVIDER_BOUNDS } from '../../config/bounds';
import { ApiTime } from '../../http/openapi/api-properties';
import type { ModelVerdict, VerdictCode } from '../../llm/check/model-check';
import { LLM_ERROR_CODES } from '../../llm/llm-error';
import type { CheckResult } from '../provider-check';
import type { ProbeCode } from '../provider-probe';
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

  @ApiProperty({ description: 'Whether it is asked for counts of tokens.', example: true })
  stream_usage!: boolean;

  @ApiProperty({
    description: 'What is to be known of its models, by their names.',
    type: 'object',
    additionalProperties: { type: 'object', additionalProperties: true },
    example: { 'llama3.2': { context_window: 8192, settings: { temperature: 0.6 } } },
  })
  model_options!: Record<string, object>;

  @ApiProperty({ description: 'How the key ends, to tell keys apart.', example: 'cdef' })
  key_last4!: string;

  @ApiTime('When it was made.')
  created_at!: string;

  @ApiTime('When it was changed.')
  updated_at!: string;
}

const VERDICTS: VerdictCode[] = ['ok', 'not_checked', ...LLM_ERROR_CODES];

@ApiSchema({ name: 'ModelCheck', description: 'Whether a model answers.' })
export class ModelCheckResponse {
  @ApiProperty({ description: "The provider's own name of the model.", example: 'gpt-5-mini' })
  model!: string;

  @ApiProperty({ description: 'Whether it said a word.', example: false })
  ok!: boolean;

  @ApiProperty({
    description:
      'What came of it: `ok`, the code that a reply would fail with, or `not_checked` where no time was left.',
    type: 'string',
    enum: VERDICTS,
    example: 'provider_auth_failed',
  })
  code!: VerdictCode;

  @ApiProperty({
    description: 'What is wrong and how to mend it, for people.',
    example: 'The key has quotes around it: give it without them.',
  })
  message!: string;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'HTTP status of the answer, or the one that it reports; null if none came.',
    example: 401,
  })
  status!: number | null;

  @ApiProperty({
    type: 'string',
    nullable: true,
    description: "The provider's or the network's own code, if there is one.",
    example: 'invalid_api_key',
  })
  provider_code!: string | null;

  @ApiProperty({
    type: 'string',
    nullable: true,
    maxLength: PROVIDER_BOUNDS.words.limit,
    description: "The provider's own words, without secrets.",
    example: 'Incorrect API key provided: ***.',
  })
  provider_words!: string | null;

  @ApiProperty({
    type: 'string',
    nullable: true,
    description: "The provider's own id of the request, for its support.",
    example: 'req_7f3a',
  })
  request_id!: string | null;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'Milliseconds to the first word; null if none came.',
    example: null,
  })
  first_event_ms!: number | null;
}

@ApiSchema({ name: 'ProviderCheck', description: 'Whether a provider can be used.' })
export class ProviderCheckResponse {
  @ApiProperty({ description: 'Whether it answered as it should.', example: true })
  ok!: boolean;

  @ApiProperty({ description: 'What came of it.', enum: CODES, example: 'ok' })
  code!: ProbeCode;

  @ApiProperty({ description: 'The models that it says it has.', type: [String], example: ['gpt-5-mini'] })
  models!: string[];

  @ApiProperty({
    description: `How the models that are configured answer: the first ${PROVIDER_BOUNDS.checkedModels.limit} of them.`,
    type: [ModelCheckResponse],
  })
  results!: ModelCheckResponse[];
}

export function toProviderResponse(provider: Provider): ProviderResponse {
  const { created_at, updated_at, ...row } = provider;
  const { id, name, base_url, models, stream_usage, model_options, key_last4 } = row;
  return {
    id,
    name,
    base_url,
    models,
    stream_usage,
    model_options,
    key_last4,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  };
}

export function toProviderCheckResponse({ code, models, verdicts }: CheckResult): ProviderCheckResponse {
  return { ok: code === 'ok', code, models, results: verdicts.map(toModelCheckResponse) };
}

function toModelCheckResponse({ target, url: _url, ...verdict }: ModelVerdict): ModelCheckResponse {
  return { model: target.model.name, ok: verdict.code === 'ok', ...verdict };
}
