import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length, MaxLength } from 'class-validator';
import { MayBeAbsent } from '../../../http/may-be-absent';
import { OptionalBody } from '../../../http/validation.pipe';
import { LONGEST_PASSWORD } from './register.dto';

/** OAuth2's password grant (RFC 6749, section 4.3), as a form or as JSON. */
@ApiSchema({ name: 'TokenRequest', description: "OAuth2's password grant, as a form or as JSON." })
export class TokenDto {
  @ApiPropertyOptional({ description: 'Nothing else.', enum: ['password'], default: 'password' })
  @MayBeAbsent()
  @IsIn(['password'])
  grant_type?: 'password';

  @ApiProperty({
    description: 'The username or the e-mail address.',
    minLength: 1,
    maxLength: 254,
    example: 'alice',
  })
  @IsString()
  @Length(1, 254)
  username!: string;

  @ApiProperty({
    description: 'The password.',
    minLength: 1,
    maxLength: LONGEST_PASSWORD,
    example: 'a long walk in the rain',
  })
  @IsString()
  @Length(1, LONGEST_PASSWORD)
  password!: string;

  @ApiPropertyOptional({ description: 'Ignored; OAuth2 clients send it.', maxLength: 1000, example: '' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(1000)
  scope?: string;

  @ApiPropertyOptional({ description: 'Ignored; OAuth2 clients send it.', maxLength: 1000, example: '' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(1000)
  client_id?: string;

  @ApiPropertyOptional({ description: 'Ignored; OAuth2 clients send it.', maxLength: 1000, example: '' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(1000)
  client_secret?: string;
}

export class TokenQuery {
  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    description:
      'For pages: the refresh token is kept in a cookie that scripts cannot read, and is not in the body. `POST /auth/refresh` and `/auth/logout` take it from there.',
  })
  @IsOptional()
  @IsIn(['true', 'false'], { message: 'must be true or false' })
  cookie?: 'true' | 'false';
}

@OptionalBody()
@ApiSchema({ name: 'RefreshRequest', description: 'Spends a refresh token.' })
export class RefreshDto {
  @ApiPropertyOptional({
    description: 'The refresh token that was got last. Absent: that of the cookie.',
    minLength: 1,
    maxLength: 200,
    example: 'prt_kX2bV0v8c1Q3m7Zt5yR9pLkX2bV0v8c1Q3m7Zt5yR9pL4wN6sD0fGhJkE2uIoA1Bc',
  })
  @MayBeAbsent()
  @IsString()
  @Length(1, 200)
  refresh_token?: string;
}
