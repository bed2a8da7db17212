import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import type { ModelConfig } from '../config/models-config';

@ApiSchema({ name: 'Model' })
export class ModelResponse {
  @ApiProperty({ example: 'parley-demo', description: 'What `model` of a request may be.' })
  id: string;

  @ApiProperty({ example: 'demo', description: 'Whose model it is.' })
  provider: string;

  @ApiProperty({ type: 'integer', example: 128_000, description: 'Tokens of prompt and answer together.' })
  context_window: number;

  @ApiProperty({ type: 'integer', example: 4096, description: 'The longest answer, in tokens.' })
  max_output_tokens: number;

  @ApiProperty({ example: true, description: 'Whether it answers where none is asked for.' })
  is_default: boolean;
}

export function toModelResponse(model: ModelConfig, defaultId: string): ModelResponse {
  return {
    id: model.id,
    provider: model.provider,
    context_window: model.contextWindow,
    max_output_tokens: model.maxOutputTokens,
    is_default: model.id === defaultId,
  };
}
