import { Injectable } from '@nestjs/common';
import { AuditService } from '../../audit/audit.service';
import type { RequestOrigin } from '../../audit/request-origin.decorator';
import type { Identity } from '../identity';
import { Passwords } from '../login/passwords';
import { SessionsService } from '../sessions/sessions.service';
import { type PasswordReset, PasswordResets } from './password-resets.service';

/** The way back into an account whose password is lost. */
@Injectable()
export class AccountRecovery {
  constructor(
    private readonly resets: PasswordResets,
    private readonly sessions: SessionsService,
    private readonly passwords: Passwords,
    private readonly audit: AuditService,
  ) {}

  /**
   * A token with which a user chooses a new password, for an administrator to pass on, who vouches for themselves: it is a way into the account.
   * @throws {AppError} `reauthentication_required`, `user_not_found`, `erasure_in_progress`
   */
  async issue(actor: Identity, userId: string, origin: RequestOrigin): Promise<PasswordReset> {
    await this.sessions.assertRecentlyAuthenticated(actor);
    const reset = await this.resets.issue(userId);
    await this.audit.record({ action: 'password_reset.issued', userId, actorId: actor.userId, origin });
    return reset;
  }

  /**
   * A new password for whoever holds a token, which is spent by this. All sessions of the user end.
   * @throws {AppError} `invalid_reset_token`
   */
  async resetPassword(token: string, password: string, origin: RequestOrigin): Promise<void> {
    // The token is looked up first: hashing a password takes a core for a while, and only who holds a token may ask for that.
    const userId = await this.resets.ownerOf(token);
    const hash = await this.passwords.hash(password);
    await this.sessions.endOthers(userId, undefined, () => this.resets.spend(userId, token, hash));
    await this.audit.record({ action: 'password.reset', userId, origin });
  }
}
