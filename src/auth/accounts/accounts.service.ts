import { Injectable } from '@nestjs/common';
import { type AuditAction, AuditService } from '../../audit/audit.service';
import type { RequestOrigin } from '../../audit/request-origin.decorator';
import type { NewAccount, User, UserChanges } from '../../users/user.types';
import { type Account, UsersService } from '../../users/users.service';
import { invalidCredentials, invalidRefreshToken, isTooManyAttempts } from '../auth.errors';
import type { Identity } from '../identity';
import { SessionsService, type TokenPair } from '../sessions/sessions.service';
import { LoginAttempts } from './login-attempts';
import { Passwords } from './passwords';

export type Registration = Omit<NewAccount, 'passwordHash'> & { password: string };

/** A password, and whose it is said to be. */
interface Proof {
  login: string;
  account: Account | undefined;
  password: string;
  origin: RequestOrigin;
}

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
    const proof = { login, account, password, origin };
    const proven = await this.prove(proof, { failed: 'login.failed', blocked: 'login.blocked' });
    await this.audit.record({ action: 'login.succeeded', userId: proven.id, origin });
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
    const proof = { login: account?.username ?? userId, account, password: current, origin };
    await this.prove(proof, { failed: 'password.failed', blocked: 'password.blocked' });
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

  /** @throws {AppError} `invalid_credentials`, `too_many_attempts`; both are recorded */
  private async prove(
    { login, account, password, origin }: Proof,
    actions: { failed: AuditAction; blocked: AuditAction },
  ): Promise<Account> {
    const record = (action: AuditAction) => this.audit.record({ action, userId: account?.id, origin });
    // Somebody who does not exist is looked for as well: it takes as long.
    const knownAddresses = () => this.audit.addressesOf(account?.id ?? login, 'login.succeeded');
    const proven = await this.attempts
      .try({ login, address: origin.address, knownAddresses }, () => this.matching(account, password))
      .catch(async (error: unknown) => {
        if (isTooManyAttempts(error)) await record(actions.blocked);
        throw error;
      });
    if (proven) return proven;
    await record(actions.failed);
    throw invalidCredentials();
  }

  private async matching(account: Account | undefined, password: string): Promise<Account | undefined> {
    const matches = await this.passwords.verify(password, account?.password_hash);
    return account && matches && account.is_active ? account : undefined;
  }
}
