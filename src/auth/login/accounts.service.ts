import { Injectable } from '@nestjs/common';
import { type AuditAction, AuditService } from '../../audit/audit.service';
import type { RequestOrigin } from '../../audit/request-origin.decorator';
import type { AppError } from '../../errors/app-error';
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
  /** A session of the account sends it. */
  inSession: boolean;
  /** What the network's limit refuses it with, unless the owner is known there. */
  refusal?: AppError;
}

/** What is recorded of a password that is wrong, and of one that is not looked at. */
interface FailedActions {
  failed: AuditAction;
  blocked: AuditAction;
}

/** Accounts of our own: making one, logging in and out, giving the password again and changing it. */
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
   * @param refusal what the network's limit refuses it with, which does not hold where the owner is known from
   * @throws {AppError} `invalid_credentials`, `too_many_attempts`, the refusal
   */
  async logIn(
    { login, password }: { login: string; password: string },
    origin: RequestOrigin,
    refusal?: AppError,
  ): Promise<TokenPair> {
    const account = await this.users.findByLogin(login);
    const proof = { login, account, password, origin, inSession: false, refusal };
    const proven = await this.prove(proof, { failed: 'login.failed', blocked: 'login.blocked' });
    await this.audit.record({ action: 'login.succeeded', userId: proven.id, origin });
    return this.sessions.begin(proven.id);
  }

  /** @throws {AppError} `invalid_refresh_token`, `rate_limited` */
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
   * The session counts as authenticated from now on, as after a login. Refreshing it does not do that.
   * @throws {AppError} `invalid_credentials`, `too_many_attempts`
   */
  async reauthenticate(
    { userId, sessionId }: Identity,
    password: string,
    origin: RequestOrigin,
  ): Promise<void> {
    const actions = { failed: 'reauthentication.failed', blocked: 'reauthentication.blocked' } as const;
    await this.proveOwn(userId, password, origin, actions);
    if (sessionId) await this.sessions.markAuthenticated(userId, sessionId);
    await this.audit.record({ action: 'reauthentication.succeeded', userId, origin });
  }

  /** @throws {AppError} `reauthentication_required`, as `SessionsService.assertRecentlyAuthenticated` */
  assertReauthenticated(identity: Identity): Promise<void> {
    return this.sessions.assertRecentlyAuthenticated(identity);
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
    await this.proveOwn(userId, current, origin, { failed: 'password.failed', blocked: 'password.blocked' });
    const hash = await this.passwords.hash(next);
    await this.sessions.endOthers(userId, sessionId, () => this.users.setPassword(userId, hash));
    await this.audit.record({ action: 'password.changed', userId, origin });
  }

  /**
   * Slows who asks again and again for a password of an account to be reset, whether or not there is one: per network, and in all.
   * @throws {AppError} `too_many_attempts`
   */
  async countForgotten(email: string, { address }: RequestOrigin): Promise<void> {
    // Never taken for an attempt at a login, whose names have no blank.
    const login = `forgotten ${email}`;
    const knownAddresses = () => Promise.resolve([]);
    await this.attempts.try({ login, address, inSession: true, knownAddresses }, () =>
      Promise.resolve(undefined),
    );
  }

  /**
   * Sessions of somebody who is locked out end for good: whoever is let in again has to log in.
   * @throws {AppError} as `UsersService.update`
   */
  update(userId: string, changes: UserChanges): Promise<User> {
    const update = () => this.users.update(userId, changes);
    return changes.is_active === false ? this.sessions.endOthers(userId, undefined, update) : update();
  }

  private async proveOwn(
    userId: string,
    password: string,
    origin: RequestOrigin,
    actions: FailedActions,
  ): Promise<void> {
    const account = await this.users.find(userId);
    const login = account?.username ?? userId;
    await this.prove({ login, account, password, origin, inSession: true }, actions);
  }

  /** @throws {AppError} `invalid_credentials`, `too_many_attempts`; both are recorded */
  private async prove(
    { account, password, origin, ...attempt }: Proof,
    actions: FailedActions,
  ): Promise<Account> {
    const record = (action: AuditAction) => this.audit.record({ action, userId: account?.id, origin });
    // Somebody who does not exist is looked for as well: it takes as long.
    const knownAddresses = () => this.audit.loginAddressesOf(account?.id ?? attempt.login);
    const proven = await this.attempts
      .try({ ...attempt, address: origin.address, knownAddresses }, () => this.matching(account, password))
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
