import { Injectable } from '@nestjs/common';
import { AuditService } from '../../audit/audit.service';
import type { RequestOrigin } from '../../audit/request-origin.decorator';
import type { NewAccount, User, UserChanges } from '../../users/user.types';
import { type Account, UsersService } from '../../users/users.service';
import { invalidCredentials, invalidRefreshToken } from '../auth.errors';
import type { Identity } from '../identity';
import { SessionsService, type TokenPair } from '../sessions/sessions.service';
import { type LoginAttempt, LoginAttempts } from './login-attempts';
import { Passwords } from './passwords';

export type Registration = Omit<NewAccount, 'passwordHash'> & { password: string };

/** Accounts of our own: making one, logging in and out, changing the password. */
@Injectable()
export class AccountsService {
  constructor(
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
    private readonly passwords: Passwords,
    private readonly attempts: LoginAttempts,
    private readonly audit: AuditService,
  ) {}

  /** @throws {AppError} `username_taken`, `email_taken` */
  async register({ password, ...names }: Registration, origin?: RequestOrigin): Promise<User> {
    const user = await this.users.create({ ...names, passwordHash: await this.passwords.hash(password) });
    await this.audit.record({ action: 'account.created', userId: user.id, origin });
    return user;
  }

  /**
   * Begins a session. An unknown name takes as long as a wrong password, and is answered alike.
   * @throws {AppError} `invalid_credentials`, `too_many_attempts`
   */
  async logIn(login: string, password: string, origin: RequestOrigin): Promise<TokenPair> {
    const account = await this.users.findByLogin(login);
    const attempt = this.attemptOf(login, account, origin);
    const proven = await this.attempts.try(attempt, () => this.prove(account, password));
    const action = proven ? 'login.succeeded' : 'login.failed';
    await this.audit.record({ action, userId: account?.id, origin });
    if (!proven) throw invalidCredentials();
    return this.sessions.begin(proven.id);
  }

  /** @throws {AppError} `invalid_refresh_token` */
  async refresh(token: string, origin: RequestOrigin): Promise<TokenPair> {
    const refreshed = await this.sessions.refresh(token);
    if ('pair' in refreshed) return refreshed.pair;
    await this.audit.record({ action: 'session.reuse_detected', userId: refreshed.reuseOf, origin });
    throw invalidRefreshToken();
  }

  async logOut({ userId, sessionId }: Identity, origin: RequestOrigin): Promise<void> {
    if (!sessionId) return;
    await this.sessions.end(userId, sessionId);
    await this.audit.record({ action: 'session.ended', userId, origin });
  }

  /**
   * All sessions end but the one that this comes from.
   * @throws {AppError} `invalid_credentials`, `too_many_attempts`
   */
  async changePassword(
    { userId, sessionId }: Identity,
    { current, next }: { current: string; next: string },
    origin: RequestOrigin,
  ): Promise<void> {
    const account = await this.users.find(userId);
    const login = account?.username ?? userId;
    const attempt = this.attemptOf(login, account, origin);
    const proven = await this.attempts.try(attempt, () => this.prove(account, current));
    if (!proven) throw invalidCredentials();
    const hash = await this.passwords.hash(next);
    await this.sessions.endOthers(userId, sessionId, () => this.users.setPassword(userId, hash));
    await this.audit.record({ action: 'password.changed', userId, origin });
  }

  /**
   * Sessions of somebody who is locked out end for good: whoever is let in again has to log in.
   * @throws {AppError} as `UsersService.update`
   */
  update(userId: string, changes: UserChanges): Promise<User> {
    const update = () => this.users.update(userId, changes);
    return changes.is_active === false ? this.sessions.endOthers(userId, undefined, update) : update();
  }

  private attemptOf(login: string, account: Account | undefined, { address }: RequestOrigin): LoginAttempt {
    // Somebody who does not exist is looked for as well: it takes as long.
    const knownAddresses = () => this.audit.addressesOf(account?.id ?? login, 'login.succeeded');
    return { login, address, knownAddresses };
  }

  private async prove(account: Account | undefined, password: string): Promise<Account | undefined> {
    const matches = await this.passwords.verify(password, account?.password_hash);
    return account && matches && account.is_active ? account : undefined;
  }
}
