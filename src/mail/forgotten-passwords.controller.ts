import { Body, Controller, Req } from '@nestjs/common';
import { ApiProperty, ApiSchema, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { originOf } from '../audit/request-origin.decorator';
import { tooManyAttempts } from '../auth/auth.errors';
import { Public } from '../auth/public.decorator';
import { AccountsOnly } from '../auth/route-rules.decorator';
import { AppConfig } from '../config/app-config';
import { AppError } from '../errors/app-error';
import { publicUrlForMail } from '../http/public-url';
import { CommandRoute } from '../http/routes';
import { RateLimited } from '../limits/rate-limited.decorator';
import { IsEmailAddress } from '../users/dto/is-account-name';
import { ForgottenPasswords } from './forgotten-passwords.service';

const mailDisabled = () => new AppError('not_found', 'mail_disabled', 'This service sends no mail.');
const attemptsExhausted = () => tooManyAttempts(8);

@ApiSchema({ name: 'ForgotPassword', description: 'Whose password is to be chosen anew.' })
class ForgotPasswordDto {
  @ApiProperty({
    description: 'The address of the account.',
    maxLength: 254,
    example: 'alice@example.com',
  })
  @IsEmailAddress()
  email!: string;
}

@ApiTags('auth')
@Controller('auth')
export class ForgottenPasswordsController {
  constructor(
    private readonly forgotten: ForgottenPasswords,
    private readonly config: AppConfig,
  ) {}

  @Public()
  @RateLimited('register')
  @AccountsOnly()
  @CommandRoute('password/forgot', {
    operationId: 'forgotPassword',
    summary: 'Have a link sent to choose a new password',
    description:
      'There where the service sends mail (`GET /api/v1`: `password_reset`). Answered alike, and after the same time, whether or not anybody has the address.',
    returns: { description: 'If somebody has this address, they are sent a link.' },
    problems: [mailDisabled, attemptsExhausted, 'unavailable'],
  })
  async forgotPassword(@Body() { email }: ForgotPasswordDto, @Req() request: Request): Promise<void> {
    if (!this.forgotten.enabled) throw mailDisabled();
    await this.forgotten.ask(email, publicUrlForMail(request, this.config.http), originOf(request));
  }
}
