import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { EXAMPLE_FEATURES } from './features';

@ApiSchema({ name: 'AboutLinks', description: 'Where to go on.' })
class LinksResponse {
  @ApiProperty({ type: 'string', example: '/health/ready', description: 'Whether it can take requests.' })
  health: string;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: '/api/v1/openapi.json',
    description: 'The OpenAPI document; null where it is not served.',
  })
  openapi: string | null;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: '/api/v1/docs',
    description: 'The documentation for people; null where it is not served.',
  })
  docs: string | null;
}

@ApiSchema({ name: 'About', description: 'All that a page must know before anybody has signed in.' })
export class AboutResponse {
  @ApiProperty({ example: 'Parley', description: 'What this is.' })
  name: string;

  @ApiProperty({ example: '0.1.0', description: 'Its version.' })
  version: string;

  @ApiProperty({
    type: 'string',
    enum: ['header', 'token', 'jwks'],
    example: 'header',
    description:
      'How callers say who they are: `header`, by `X-User-ID`; `token`, by accounts of the service; `jwks`, by tokens of an identity service.',
  })
  auth_mode: 'header' | 'token' | 'jwks';

  @ApiProperty({ example: false, description: 'Whether a request of this machine needs no identity.' })
  default_user: boolean;

  @ApiProperty({ example: false, description: 'Whether anybody may make themselves an account.' })
  registration: boolean;

  @ApiProperty({ example: false, description: 'Whether conversations can be shared.' })
  sharing: boolean;

  @ApiProperty({
    example: false,
    description: 'Whether people can have a link sent with which they choose a new password.',
  })
  password_reset: boolean;

  @ApiProperty({
    type: [String],
    example: EXAMPLE_FEATURES,
    description: 'What this version and configuration can do; ignore words that you do not know.',
  })
  features: string[];

  @ApiProperty({ type: LinksResponse, description: 'Where to go on.' })
  links: LinksResponse;
}
