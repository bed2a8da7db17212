import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, ValidateBy } from 'class-validator';
import { USAGE_KINDS, type UsageGroup, type UsageKind } from '../usage.types';

const GROUPS: UsageGroup[] = ['day', 'model', 'conversation', 'kind'];
const DAY = /^\d{4}-\d{2}-\d{2}$/;

function isDay(value: unknown): boolean {
  if (typeof value !== 'string' || !DAY.test(value)) return false;
  const time = Date.parse(`${value}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value) && value >= '2000-01-01';
}

const IsDay = () =>
  ValidateBy({
    name: 'isDay',
    validator: { validate: isDay, defaultMessage: () => 'must be a day such as 2026-11-21' },
  });

export class UsageQuery {
  @ApiPropertyOptional({
    description: 'The first day, in UTC; 30 days before the last one, if absent.',
    type: 'string',
    format: 'date',
    example: '2026-11-01',
  })
  @IsOptional()
  @IsDay()
  from?: string;

  @ApiPropertyOptional({
    description: 'The last day, in UTC; today, if absent.',
    type: 'string',
    format: 'date',
    example: '2026-11-30',
  })
  @IsOptional()
  @IsDay()
  to?: string;

  @ApiPropertyOptional({
    description: 'What each entry is about.',
    enum: GROUPS,
    default: 'day',
    example: 'day',
  })
  @IsOptional()
  @IsIn(GROUPS)
  group_by?: UsageGroup;

  @ApiPropertyOptional({
    description: 'Only what was used for this.',
    enum: USAGE_KINDS,
    example: 'title',
  })
  @IsOptional()
  @IsIn(USAGE_KINDS)
  kind?: UsageKind;
}
