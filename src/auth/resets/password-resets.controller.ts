import { Body, Controller } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Origin, type RequestOrigin } from '../../audit/request-origin.decorator';
import { CommandRoute } from '../../http/routes';
import { RateLimited } from '../../limits/rate-limited.decorator';
import { invalidResetToken } from '../auth.errors';
import { ResetPasswordDto } from '../login/dto/password.dto';
import { Public } from '../public.decorator';
import { AccountsOnly } from '../route-rules.decorator';
import { AccountRecovery } from './account-recovery';

@ApiTags('auth')
@Controller('auth')
export class PasswordResetsController {
  constructor(private readonly recovery: AccountRecovery) {}

  @Public()
  @RateLimited('register')
  @AccountsOnly()
  @CommandRoute('password/reset', {
    summary: 'Choose a new password by a link',
    description:
      'The token of the link is spent by this, and all sessions of the user end. A password that is refused does not spend it.',
    returns: { description: 'It is changed; log in with it.' },
    problems: [invalidResetToken, 'unavailable'],
  })
  async resetPassword(
    @Body() { token, password }: ResetPasswordDto,
    @Origin() origin: RequestOrigin,
  ): Promise<void> {
    await this.recovery.resetPassword(token, password, origin);
  }
}
