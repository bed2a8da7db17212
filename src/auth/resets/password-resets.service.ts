import { Injectable, type OnModuleInit } from '@nestjs/common';
import { createHash, randomBytes } from 'node:crypto';
import { IDENTITY_BOUNDS } from '../../config/bounds';
import { UserLock } from '../../users/quotas/user-lock';
import { userNotFound } from '../../users/user.errors';
import { UserData } from '../../users/user-data';
import { UsersService } from '../../users/users.service';
import { invalidResetToken } from '../auth.errors';
import { PasswordResetsRepository } from './password-resets.repository';

const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const { resetTokenAge, resetTokensOfUser } = IDENTITY_BOUNDS;

/** A token that is shown this once. */
export interface PasswordReset {
  token: string;
  expiresAt: Date;
}

/** Links with which somebody who has lost their password chooses another one (docs/decisions/047-browser-sign-in.md). */
@Injectable()
export class PasswordResets implements OnModuleInit {
  constructor(
    private readonly resets: PasswordResetsRepository,
    private readonly users: UsersService,
    private readonly lock: UserLock,
    private readonly data: UserData,
  ) {}

  onModuleInit(): void {
    this.data.add({
      type: 'password_reset',
      erase: (userId, limit) => this.resets.deleteOf(userId, limit),
      access: true,
    });
  }

  /**
   * A new token for an account: 32 random bytes, of which only the digest is stored. Where there are many already, the oldest goes.
   * @throws {AppError} `user_not_found` also for somebody who has no password here, `erasure_in_progress`
   */
  async issue(userId: string): Promise<PasswordReset> {
    const user = await this.users.get(userId);
    if (user.username === null) throw userNotFound();
    await this.resets.deleteExpired();
    const token = randomBytes(32).toString('base64url');
    // Nothing but the lock keeps a token from being left behind by an erasure.
    return this.lock.hold(userId, async () => {
      const expiresAt = await this.resets.insert(hashOf(token), userId, resetTokenAge.limit / 1000);
      await this.resets.deleteOldOf(userId, resetTokensOfUser.limit);
      return { token, expiresAt };
    });
  }

  /** Whether the user has as many tokens as they may: one more would cost an older one. */
  async hasEnough(userId: string): Promise<boolean> {
    return (await this.resets.countOf(userId)) >= resetTokensOfUser.limit;
  }

  /** A token that nobody was given. */
  revoke(userId: string, token: string): Promise<void> {
    return this.resets.delete(userId, hashOf(token));
  }

  /** Whose a token is. @throws {AppError} `invalid_reset_token` */
  async ownerOf(token: string): Promise<string> {
    const userId = TOKEN.test(token) ? await this.resets.ownerOf(hashOf(token)) : undefined;
    if (userId === undefined) throw invalidResetToken();
    return userId;
  }

  /**
   * Spends a token for a new password, in one transaction. No other token of the user is worth anything after that.
   * @throws {AppError} `invalid_reset_token` also for somebody who is locked out
   */
  spend(userId: string, token: string, passwordHash: string): Promise<void> {
    return this.lock.hold(userId, async ({ is_active }) => {
      if (!is_active || !(await this.resets.take(hashOf(token)))) throw invalidResetToken();
      await this.resets.deleteOldOf(userId, 0);
      await this.users.setPassword(userId, passwordHash);
    });
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
