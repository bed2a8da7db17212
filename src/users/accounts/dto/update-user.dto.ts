import { ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsBoolean, IsIn } from 'class-validator';
import { IsEmailAddress, IsUsername } from '../../dto/is-account-name';
import { MayBeAbsent } from '../../../http/may-be-absent';
import { OptionalBody } from '../../../http/validation.pipe';
import { USER_ROLES, type UserRole } from '../../user.types';

@OptionalBody()
@ApiSchema({ name: 'UpdateUser', description: 'What is absent or `null` stays as it is.' })
export class UpdateUserDto {
  @ApiPropertyOptional({
    description: 'Only of an account of the service itself.',
    type: 'string',
    minLength: 3,
    maxLength: 64,
    example: 'alice',
  })
  @MayBeAbsent()
  @IsUsername()
  username?: string;

  @ApiPropertyOptional({
    description: 'Only of an account of the service itself.',
    type: 'string',
    maxLength: 254,
    example: 'alice@example.com',
  })
  @MayBeAbsent()
  @IsEmailAddress()
  email?: string;

  @ApiPropertyOptional({ description: 'Changed by administrators only.', enum: USER_ROLES, example: 'user' })
  @MayBeAbsent()
  @IsIn(USER_ROLES)
  role?: UserRole;

  @ApiPropertyOptional({ description: 'Changed by administrators only.', type: 'boolean', example: true })
  @MayBeAbsent()
  @IsBoolean()
  is_active?: boolean;
}
