import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { MODEL_INPUTS, type ModelConfig, type ModelInput } from '../config/models-config';

@ApiSchema({ name: 'Model' })
export class ModelResponse {
  @ApiProperty({ example: 'parley-demo', description: 'What `model` of a request may be.' })
  id: string;

  @ApiProperty({
    example: 'Parley demo',
    description: 'What people are shown; the id, unless it has a name.',
  })
  name: string;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'Answers at once, and knows nothing.',
    description: 'What it is good for, in words; null if nobody said.',
  })
  description: string | null;

  @ApiProperty({
    enum: MODEL_INPUTS,
    isArray: true,
    example: ['text'],
    description: 'What the model understands. Ignore words that you do not know.',
  })
  inputs: readonly ModelInput[];

  @ApiProperty({
    example: false,
    description:
      'Whether it thinks before it answers: `reasoning_effort` may help, and `reasoning` events may come.',
  })
  reasoning: boolean;

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
    name: model.displayName,
    description: model.description ?? null,
    inputs: model.inputs,
    reasoning: model.reasoning,
    provider: model.provider,
    context_window: model.contextWindow,
    max_output_tokens: model.maxOutputTokens,
    is_default: model.id === defaultId,
  };
}
