import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions, ApiSchema } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsObject,
  IsString,
  Length,
  Matches,
  ValidateBy,
} from 'class-validator';
import { STORAGE_BOUNDS } from '../../config/bounds';
import { MayBeAbsent } from '../../http/may-be-absent';
import { OptionalBody } from '../../http/validation.pipe';
import { modelOptionsSchema } from '../model-options';
import { isModelName, LONGEST_MODEL_NAME } from '../model-names';

/** A field of both bodies: documented and validated alike; what is absent from an update stays as it is. */
function field(documentation: ApiPropertyOptions, ...rules: PropertyDecorator[]) {
  return (presence: 'required' | 'optional') =>
    applyDecorators(
      ...(presence === 'optional' ? [MayBeAbsent()] : []),
      ...rules,
      ApiProperty({ ...documentation, required: presence === 'required' } as ApiPropertyOptions),
    );
}

const Name = field(
  {
    description: 'Its models are asked for as `<name>/<model>`.',
    type: 'string',
    minLength: 1,
    maxLength: 40,
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
    example: 'my-openai',
  },
  IsString(),
  Length(1, 40),
  Matches(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, {
    message: 'must have letters, digits, dots, underscores and hyphens only',
  }),
);
const BaseUrl = field(
  {
    description: 'An OpenAI-compatible address, public and by HTTPS unless the operator allows others.',
    type: 'string',
    minLength: 1,
    maxLength: 2048,
    example: 'https://api.openai.com/v1',
  },
  IsString(),
  Length(1, 2048),
);
const ApiKey = field(
  {
    description: 'Stored encrypted and never shown again.',
    type: 'string',
    minLength: 8,
    maxLength: 1000,
    pattern: '^[\\x21-\\x7e]+$',
    example: 'sk-proj-0123456789abcdef',
  },
  IsString(),
  Length(8, 1000),
  Matches(/^[\x21-\x7e]+$/, {
    message: 'must be printable characters without spaces, and without `Bearer `',
  }),
);
const Models = field(
  {
    description:
      "The provider's own names of its models; `POST /providers/{id}/check` finds them out as well.",
    type: 'array',
    maxItems: STORAGE_BOUNDS.modelsOfProvider.limit,
    items: { type: 'string', minLength: 1, maxLength: LONGEST_MODEL_NAME },
    example: ['gpt-5-mini'],
  },
  IsArray(),
  ArrayMaxSize(STORAGE_BOUNDS.modelsOfProvider.limit),
  ArrayUnique(),
  ValidateBy(
    {
      name: 'isModelName',
      validator: { validate: isModelName, defaultMessage: () => 'must be names of models' },
    },
    { each: true },
  ),
);
const StreamUsage = field(
  {
    description: 'Ask for counts of tokens; false for servers that refuse `stream_options`.',
    type: 'boolean',
    example: true,
  },
  IsBoolean(),
);
const ModelOptions = field(
  {
    description: 'What is to be known of its models, by their names, as in the operator’s `MODELS_FILE`.',
    type: 'object',
    maxProperties: STORAGE_BOUNDS.modelsOfProvider.limit,
    additionalProperties: modelOptionsSchema(),
    example: { 'llama3.2': { context_window: 8192, settings: { temperature: 0.6 } } },
  },
  IsObject(),
);

@ApiSchema({ name: 'CreateProvider', description: 'A model provider of your own.' })
export class CreateProviderDto {
  @Name('required')
  name!: string;

  @BaseUrl('required')
  base_url!: string;

  @ApiKey('required')
  api_key!: string;

  @Models('optional')
  models?: string[];

  @StreamUsage('optional')
  stream_usage?: boolean;

  @ModelOptions('optional')
  model_options?: Record<string, object>;
}

@OptionalBody()
@ApiSchema({ name: 'UpdateProvider', description: 'What is absent or `null` stays as it is.' })
export class UpdateProviderDto {
  @Name('optional')
  name?: string;

  @BaseUrl('optional')
  base_url?: string;

  @ApiKey('optional')
  api_key?: string;

  @Models('optional')
  models?: string[];

  @StreamUsage('optional')
  stream_usage?: boolean;

  @ModelOptions('optional')
  model_options?: Record<string, object>;
}
