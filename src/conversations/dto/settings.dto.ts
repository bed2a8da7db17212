import { ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsInt, IsNumber, IsString, Length, Matches, Max, Min } from 'class-validator';
import { MayBeAbsent } from '../../http/may-be-absent';
import type { ModelSettings } from '../../config/models-config';
import { REASONING_EFFORT } from '../../config/models-schema';

/** Settings of a model's answers. An absent one is taken from the conversation, then from the model. */
@ApiSchema({
  name: 'Settings',
  description: 'How a model should answer. What is absent is left to the conversation, then to the model.',
})
export class SettingsDto implements ModelSettings {
  @ApiPropertyOptional({
    type: Number,
    minimum: 0,
    maximum: 2,
    example: 0.7,
    description: 'Higher is more varied.',
  })
  @MayBeAbsent()
  @IsNumber({}, { message: 'must be a number' })
  @Min(0)
  @Max(2)
  temperature?: number;

  @ApiPropertyOptional({ type: Number, minimum: 0, maximum: 1, example: 1, description: 'Nucleus sampling.' })
  @MayBeAbsent()
  @IsNumber({}, { message: 'must be a number' })
  @Min(0)
  @Max(1)
  top_p?: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 1_000_000,
    example: 1024,
    description: "The longest answer, in tokens; never more than the model's own limit.",
  })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  max_output_tokens?: number;

  @ApiPropertyOptional({
    type: 'array',
    items: { type: 'string', minLength: 1, maxLength: 64 },
    maxItems: 4,
    example: ['END'],
    description: 'Texts (1 to 64 characters) at which the answer ends.',
  })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(4)
  @IsString({ each: true, message: 'must be texts' })
  @Length(1, 64, { each: true, message: 'must be texts of 1 to 64 characters' })
  stop?: string[];

  @ApiPropertyOptional({
    type: 'integer',
    minimum: -2_147_483_648,
    maximum: 2_147_483_647,
    example: 42,
    description: 'For answers that can be repeated, where the model can do that.',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(-2_147_483_648)
  @Max(2_147_483_647)
  seed?: number;

  @ApiPropertyOptional({
    type: 'string',
    pattern: REASONING_EFFORT.source,
    example: 'low',
    description:
      'How much a reasoning model thinks before it answers, in a word of its provider: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, …',
  })
  @MayBeAbsent()
  @IsString()
  @Matches(REASONING_EFFORT, { message: 'must be a word of 1 to 32 small letters, digits, - and _' })
  reasoning_effort?: string;
}
