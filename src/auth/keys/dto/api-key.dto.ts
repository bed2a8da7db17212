import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsIn, IsOptional, IsString, Length } from 'class-validator';
import { IsTimeToCome } from '../../../http/day-or-time';
import { MayBeAbsent } from '../../../http/may-be-absent';
import { type Scope, SCOPES } from '../../identity';

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
  @IsTimeToCome()
  expires_at?: string | null;
}
