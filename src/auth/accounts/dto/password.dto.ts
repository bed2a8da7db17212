import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { IsString, Length } from 'class-validator';
import { LONGEST_PASSWORD, NewPassword } from './register.dto';

@ApiSchema({ name: 'ChangePassword', description: 'A new password; all other sessions end.' })
export class ChangePasswordDto {
  @ApiProperty({
    description: 'The present one.',
    minLength: 1,
    maxLength: LONGEST_PASSWORD,
    example: 'a long walk in the rain',
  })
  @IsString()
  @Length(1, LONGEST_PASSWORD)
  current_password!: string;

  @NewPassword('At least ten characters.')
  new_password!: string;
}
