import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ApiTime } from '../../http/openapi/api-properties';
import { type User, USER_ROLES, type UserRole } from '../user.types';

@ApiSchema({ name: 'User', description: 'Somebody with an identity.' })
export class UserResponse {
  @ApiProperty({
    description: 'Made by the server for accounts; otherwise the id that the identity came with.',
    example: '019a5b1c-7f00-7000-8000-000000000010',
  })
  id!: string;

  @ApiProperty({
    description: 'Null for users whom somebody else authenticates.',
    type: 'string',
    nullable: true,
    example: 'alice',
  })
  username!: string | null;

  @ApiProperty({
    description: 'Null for users whom somebody else authenticates.',
    type: 'string',
    nullable: true,
    example: 'alice@example.com',
  })
  email!: string | null;

  @ApiProperty({ description: '`admin` may see and change all users.', enum: USER_ROLES, example: 'user' })
  role!: UserRole;

  @ApiProperty({ description: 'Somebody who is not is locked out.', example: true })
  is_active!: boolean;

  @ApiTime('When the user was made.')
  created_at!: string;
}

export function toUserResponse({ id, username, email, role, is_active, created_at }: User): UserResponse {
  return { id, username, email, role, is_active, created_at: created_at.toISOString() };
}
