import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
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

const NAME = {
  description: 'Its models are asked for as `<name>/<model>`.',
  type: 'string' as const,
  minLength: 1,
  maxLength: 40,
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
  example: 'my-openai',
};
const BASE_URL = {
  description: 'An OpenAI-compatible address, public and by HTTPS unless the operator allows others.',
  type: 'string' as const,
  minLength: 1,
  maxLength: 2048,
  example: 'https://api.openai.com/v1',
};
const API_KEY = {
  description: 'Stored encrypted and never shown again.',
  type: 'string' as const,
  minLength: 8,
  maxLength: 1000,
  pattern: '^[\\x21-\\x7e]+$',
  example: 'sk-proj-0123456789abcdef',
};
const MODELS = {
  description: "The provider's own names of its models; `POST /providers/{id}/check` finds them out as well.",
  type: 'array' as const,
  maxItems: STORAGE_BOUNDS.modelsOfProvider.limit,
  items: { type: 'string' as const, minLength: 1, maxLength: LONGEST_MODEL_NAME },
  example: ['gpt-5-mini'],
};

const STREAM_USAGE = {
  description: 'Ask for counts of tokens; false for servers that refuse `stream_options`.',
  type: 'boolean' as const,
  example: true,
};
const MODEL_OPTIONS = {
  description: 'What is to be known of its models, by their names, as in the operator’s `MODELS_FILE`.',
  type: 'object' as const,
  maxProperties: STORAGE_BOUNDS.modelsOfProvider.limit,
  additionalProperties: modelOptionsSchema(),
  example: { 'llama3.2': { context_window: 8192, settings: { temperature: 0.6 } } },
};

const IsName = () =>
  applyDecorators(
    IsString(),
    Length(1, 40),
    Matches(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, {
      message: 'must have letters, digits, dots, underscores and hyphens only',
    }),
  );
const IsBaseUrl = () => applyDecorators(IsString(), Length(1, 2048));
const IsApiKey = () =>
  applyDecorators(
    IsString(),
    Length(8, 1000),
    Matches(/^[\x21-\x7e]+$/, {
      message: 'must be printable characters without spaces, and without `Bearer `',
    }),
  );
const IsModels = () =>
  applyDecorators(
    MayBeAbsent(),
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

@ApiSchema({ name: 'CreateProvider', description: 'A model provider of your own.' })
export class CreateProviderDto {
  @ApiProperty(NAME)
  @IsName()
  name!: string;

  @ApiProperty(BASE_URL)
  @IsBaseUrl()
  base_url!: string;

  @ApiProperty(API_KEY)
  @IsApiKey()
  api_key!: string;

  @ApiPropertyOptional(MODELS)
  @IsModels()
  models?: string[];

  @ApiPropertyOptional(STREAM_USAGE)
  @MayBeAbsent()
  @IsBoolean()
  stream_usage?: boolean;

  @ApiPropertyOptional(MODEL_OPTIONS)
  @MayBeAbsent()
  @IsObject()
  model_options?: Record<string, object>;
}

@OptionalBody()
@ApiSchema({ name: 'UpdateProvider', description: 'What is absent or `null` stays as it is.' })
export class UpdateProviderDto {
  @ApiPropertyOptional(NAME)
  @MayBeAbsent()
  @IsName()
  name?: string;

  @ApiPropertyOptional(BASE_URL)
  @MayBeAbsent()
  @IsBaseUrl()
  base_url?: string;

  @ApiPropertyOptional(API_KEY)
  @MayBeAbsent()
  @IsApiKey()
  api_key?: string;

  @ApiPropertyOptional(MODELS)
  @IsModels()
  models?: string[];

  @ApiPropertyOptional(STREAM_USAGE)
  @MayBeAbsent()
  @IsBoolean()
  stream_usage?: boolean;

  @ApiPropertyOptional(MODEL_OPTIONS)
  @MayBeAbsent()
  @IsObject()
  model_options?: Record<string, object>;
}
