import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { STORAGE_BOUNDS } from '../../config/bounds';
import { USAGE_KINDS, type UsageKind } from '../usage.types';

@ApiSchema({ name: 'UsageTotals', description: 'What replies and titles have used together.' })
export class UsageTotalsResponse {
  @ApiProperty({ description: 'How many replies. Titles are none.', type: 'integer', example: 12 })
  replies!: number;

  @ApiProperty({ description: 'Tokens of prompts, cached ones included.', type: 'integer', example: 5210 })
  input_tokens!: number;

  @ApiProperty({ description: 'Tokens of answers, reasoning included.', type: 'integer', example: 1830 })
  output_tokens!: number;

  @ApiProperty({ description: 'Of the output.', type: 'integer', example: 0 })
  reasoning_tokens!: number;

  @ApiProperty({ description: 'Of the input.', type: 'integer', example: 0 })
  cached_input_tokens!: number;

  @ApiProperty({
    description: "US dollars by today's prices, of the models whose prices are known; null if none is.",
    type: 'number',
    nullable: true,
    example: 0.0123,
  })
  cost!: number | null;
}

@ApiSchema({
  name: 'UsageEntry',
  description: 'What was used on one day, by one model, in one conversation or for one kind of thing.',
})
export class UsageEntryResponse extends UsageTotalsResponse {
  @ApiProperty({
    description:
      'The day, the model, the conversation or the kind; null for conversations that were deleted, and for titles.',
    type: 'string',
    nullable: true,
    example: '2026-11-21',
  })
  key!: string | null;

  @ApiProperty({
    description: 'What for, if it is one thing only; null for several.',
    enum: USAGE_KINDS,
    enumName: 'UsageKind',
    nullable: true,
    example: 'reply',
  })
  kind!: UsageKind | null;
}

@ApiSchema({ name: 'UsageReport', description: 'What was used in a time.' })
export class UsageResponse {
  @ApiProperty({ description: 'The first day.', type: 'string', format: 'date', example: '2026-11-01' })
  from!: string;

  @ApiProperty({ description: 'The last day.', type: 'string', format: 'date', example: '2026-11-30' })
  to!: string;

  @ApiProperty({ description: 'Everything together.', type: UsageTotalsResponse })
  total!: UsageTotalsResponse;

  @ApiProperty({
    description: 'One entry for each group, in the order of their keys.',
    type: [UsageEntryResponse],
  })
  data!: UsageEntryResponse[];

  @ApiPropertyOptional({
    description: `Only if there are more than ${STORAGE_BOUNDS.usageGroups.limit} groups: \`data\` has those with the last keys; \`total\` is of all.`,
    type: Boolean,
    example: true,
  })
  data_truncated?: boolean;
}
