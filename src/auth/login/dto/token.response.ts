import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import type { TokenPair } from '../../sessions/sessions.service';

@ApiSchema({ name: 'TokenPair', description: 'What a client proves itself with.' })
export class TokenResponse {
  @ApiProperty({
    description: 'For `Authorization: Bearer`.',
    example: 'eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl',
  })
  access_token!: string;

  @ApiProperty({ description: 'Always `bearer`.', enum: ['bearer'], example: 'bearer' })
  token_type!: 'bearer';

  @ApiProperty({ description: 'Seconds for which the access token is valid.', type: 'integer', example: 900 })
  expires_in!: number;

  @ApiPropertyOptional({
    description: 'Gets the next pair from `POST /auth/refresh`, once. Absent where it is kept in the cookie.',
    example: 'prt_kX2bV0v8c1Q3m7Zt5yR9pLkX2bV0v8c1Q3m7Zt5yR9pL4wN6sD0fGhJkE2uIoA1Bc',
  })
  refresh_token?: string;
}

export function toTokenResponse(pair: TokenPair): TokenResponse {
  return { ...toCookieTokenResponse(pair), refresh_token: pair.refresh };
}

/** Without the refresh token, which is in the cookie. */
export function toCookieTokenResponse({ access, accessTtlSeconds }: TokenPair): TokenResponse {
  return { access_token: access, token_type: 'bearer', expires_in: accessTtlSeconds };
}
