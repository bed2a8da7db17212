import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ApiTime } from '../../../http/openapi/api-properties';

@ApiSchema({
  name: 'PasswordReset',
  description: 'A link to choose a new password, which is shown this once.',
})
export class PasswordResetResponse {
  @ApiProperty({
    example: 'kX2bV0v8c1Q3m7Zt5yR9pL4wN6sD0fGhJkE2uIoA1Bc',
    description: 'For `POST /auth/password/reset`. It cannot be had again.',
  })
  token: string;

  @ApiProperty({
    example: 'https://chat.example.com/#/reset/kX2bV0v8c1Q3m7Zt5yR9pL4wN6sD0fGhJkE2uIoA1Bc',
    description: "The page's address with it.",
  })
  url: string;

  @ApiTime('When it ends.')
  expires_at: Date;
}
