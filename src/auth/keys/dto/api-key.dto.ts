import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsIn, IsOptional, IsString, Length, ValidateBy } from 'class-validator';
import { MayBeAbsent } from '../../../http/may-be-absent';
import { type Scope, SCOPES } from '../../identity';

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;
const LATEST = Date.parse('2100-01-01T00:00:00Z');

function isTimeToCome(value: unknown): boolean {
  if (typeof value !== 'string' || !TIME.test(value)) return false;
  const time = Date.parse(value);
  return time > Date.now() && time < LATEST;
}

@ApiSchema({ name: 'CreateApiKey', description: 'A key with which a program acts for its user.' })
export class CreateApiKeyDto {
  @ApiProperty({
    description: 'To tell keys apart.',
    minLength: 1,
    maxLength: 100,
    example: 'Nightly import',
  })
  @IsString()
  @Length(1, 100)
  name!: string;

  @ApiPropertyOptional({
    description:
      'What it may be used for; all of these, if absent. Accounts and keys can never be changed with a key.',
    enum: SCOPES,
    isArray: true,
    maxItems: SCOPES.length,
    example: ['chat:write', 'conversations:read'],
  })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(SCOPES.length)
  @IsIn(SCOPES, { each: true })
  scopes?: Scope[];

  @ApiPropertyOptional({
    description: 'When it ends by itself; never, if absent or null.',
    type: 'string',
    format: 'date-time',
    nullable: true,
    example: '2099-12-31T00:00:00.000Z',
  })
  @IsOptional()
  @ValidateBy({
    name: 'isTimeToCome',
    validator: {
      validate: isTimeToCome,
      defaultMessage: () => 'must be an RFC 3339 time to come, before 2100',
    },
  })
  expires_at?: string | null;
}
