import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { IsString, Length } from 'class-validator';
import { LONGEST_PASSWORD, NewPassword } from './register.dto';

/** A password that somebody has. */
const PresentPassword = () =>
  applyDecorators(
    ApiProperty({
      description: 'The present one.',
      minLength: 1,
      maxLength: LONGEST_PASSWORD,
      example: 'a long walk in the rain',
    }),
    IsString(),
    Length(1, LONGEST_PASSWORD),
  );

@ApiSchema({ name: 'Reauthenticate', description: 'The password, given again.' })
export class ReauthenticateDto {
  @PresentPassword()
  current_password!: string;
}

@ApiSchema({ name: 'ResetPassword', description: 'A new password, by a link.' })
export class ResetPasswordDto {
  @ApiProperty({
    description: 'What stands in the link after `#/reset/`.',
    minLength: 1,
    maxLength: 200,
    example: 'kX2bV0v8c1Q3m7Zt5yR9pL4wN6sD0fGhJkE2uIoA1Bc',
  })
  @IsString()
  @Length(1, 200)
  token!: string;

  @NewPassword('At least ten characters.')
  password!: string;
}

@ApiSchema({ name: 'ChangePassword', description: 'A new password; all other sessions end.' })
export class ChangePasswordDto {
  @PresentPassword()
  current_password!: string;

  @NewPassword('At least ten characters.')
  new_password!: string;
}
