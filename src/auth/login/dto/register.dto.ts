import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { IsString, Length } from 'class-validator';
import { IsEmailAddress, IsUsername } from '../../../users/dto/is-account-name';

export const SHORTEST_PASSWORD = 10;
export const LONGEST_PASSWORD = 256;

/** A password that somebody chooses. */
export const NewPassword = (description: string) =>
  applyDecorators(
    ApiProperty({
      description,
      minLength: SHORTEST_PASSWORD,
      maxLength: LONGEST_PASSWORD,
      example: 'a long walk in the rain',
    }),
    IsString(),
    Length(SHORTEST_PASSWORD, LONGEST_PASSWORD),
  );

@ApiSchema({ name: 'Register', description: 'A new account.' })
export class RegisterDto {
  @ApiProperty({
    description:
      'Letters, digits, `.`, `_` and `-`. Names that differ only in case or in look-alike forms of letters are the same.',
    minLength: 3,
    maxLength: 64,
    example: 'alice',
  })
  @IsUsername()
  username!: string;

  @ApiProperty({
    description: 'An address; one can log in with it as well.',
    maxLength: 254,
    example: 'alice@example.com',
  })
  @IsEmailAddress()
  email!: string;

  @NewPassword('At least ten characters.')
  password!: string;
}
