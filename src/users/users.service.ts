import { Injectable } from '@nestjs/common';
import { IDENTITY_BOUNDS } from '../config/bounds';
import { TransactionRunner } from '../database/transaction-runner';
import { type AccountNames, AccountNamesRepository } from './account-names.repository';
import { InvalidatingCache } from './invalidating-cache';
import { UserChangeFeed } from './revocations/user-change-feed';
import { erasureInProgress, lastAdmin, nameTaken, userNotFound } from './user.errors';
import type { StoredUserState, NewAccount, User, UserChanges, UserPosition, UserState } from './user.types';
import { type ErasedUser, UsersRepository } from './users.repository';

/** An account with what proves that it is one's own. */
export type Account = User & { password_hash: string | null };

@Injectable()
export class UsersService {
  private readonly states: InvalidatingCache<StoredUserState>;

  constructor(
    private readonly users: UsersRepository,
    private readonly names: AccountNamesRepository,
    private readonly userChanges: UserChangeFeed,
    private readonly db: TransactionRunner,
  ) {
    this.states = this.newCache();
  }

  /**
   * The state of a user whom a gateway or an identity provider authenticated at `authenticatedAt`; their row is made when they are seen
   * for the first time. Undefined if they were erased after `authenticatedAt`.
   * @throws {AppError} `erasure_in_progress`
   */
  async stateOfExternal(id: string, authenticatedAt = new Date()): Promise<UserState | undefined> {
    const state = await this.states.get(id, async () => {
      const look = () => this.users.findOrInsert(id, authenticatedAt);
      const found = (await look()) ?? (await look());
      return found && { userId: id, value: found };
    });
    if (state?.erasing) throw erasureInProgress();
    return state && (state.valid_from ?? authenticatedAt) <= authenticatedAt ? state : undefined;
  }

  /** A cache of what was read of users, which forgets what a change of its user may have made wrong. */
  newCache<T>(): InvalidatingCache<T> {
    return new InvalidatingCache(this.userChanges, IDENTITY_BOUNDS.rememberedIdentities.limit);
  }

  /** Changes what decides whether somebody gets in: as `UserChangeFeed.change`. */
  change<T>(userId: string, work: () => Promise<T>): Promise<T> {
    return this.userChanges.change(userId, work);
  }

  /** The state of whoever has a credential of ours; undefined if they are gone. */
  state(id: string): Promise<StoredUserState | undefined> {
    return this.states.get(id, async () => {
      const found = await this.users.state(id);
      return found && { userId: id, value: found };
    });
  }

  /** @throws {AppError} `user_not_found`, `erasure_in_progress` */
  async get(id: string): Promise<User> {
    const user = (await this.users.find(id)) ?? notFound();
    if (user.erased_as !== null) throw erasureInProgress();
    return user;
  }

  /** Undefined as well for somebody who is being erased. */
  async find(id: string): Promise<Account | undefined> {
    const user = await this.users.find(id);
    return user?.erased_as === null ? user : undefined;
  }

  /** By username or address. A name that nobody has takes as long as one that somebody has. */
  async findByLogin(login: string): Promise<Account | undefined> {
    return this.find((await this.names.ownerOf(login)) ?? '');
  }

  list(after: UserPosition | undefined, limit: number): Promise<User[]> {
    return this.users.list(after, limit);
  }

  /** @throws {AppError} `username_taken`, `email_taken` */
  create(account: NewAccount): Promise<User> {
    return this.db.run(async () => {
      const user = await this.users.insertAccount(account);
      await this.takeNames(user.id, account);
      await this.users.noteAdmin(user.id, user);
      return user;
    });
  }

  /**
   * Changes of a role or of being active take effect everywhere within a second.
   * @throws {AppError} `user_not_found`, `username_taken`, `email_taken`, `last_admin`
   */
  update(id: string, changes: UserChanges): Promise<User> {
    return this.userChanges.change(id, async () => {
      const { username, email, ...state } = changes;
      if (changes.role === 'user' || changes.is_active === false) await this.assertNotLastAdmin(id);
      const user = (await this.users.lock(id)) ?? notFound();
      const changed = { ...user, ...state, ...(username && { username }), ...(email && { email }) };
      await this.names.release(id, { username: username && user.username, email: email && user.email });
      await this.takeNames(id, { username, email });
      await this.users.update(id, changed);
      await this.users.noteAdmin(id, changed);
      return changed;
    });
  }

  setPassword(id: string, hash: string): Promise<void> {
    return this.users.setPassword(id, hash);
  }

  /**
   * Lets nobody in under this name any more, together with what `further` does.
   * @throws {AppError} `user_not_found`, `last_admin`
   */
  beginErasure(
    id: string,
    recordName: string,
    further: (user: ErasedUser) => Promise<boolean>,
  ): Promise<boolean> {
    return this.userChanges.change(id, async () => {
      await this.assertNotLastAdmin(id);
      await this.names.release(id, (await this.users.lock(id)) ?? {});
      const user = (await this.users.beginErasure(id, recordName)) ?? notFound();
      await this.users.noteAdmin(id, { role: 'user', is_active: false });
      return further(user);
    });
  }

  /** Somebody who is being erased, kept from others until the transaction around this call ends: this user, or anybody. */
  lockErased(id?: string): Promise<ErasedUser | undefined> {
    return id === undefined ? this.users.lockErased() : this.users.lockErasedOf(id);
  }

  /** Nothing of the user is left: the name is as one that never was. */
  endErasure(id: string): Promise<void> {
    return this.userChanges.change(id, () => this.users.delete(id));
  }

  private async takeNames(id: string, names: AccountNames): Promise<void> {
    const taken = await this.names.take(id, names);
    if (taken) throw nameTaken(taken);
  }

  private async assertNotLastAdmin(id: string): Promise<void> {
    const admins = await this.users.lockAdmins();
    if (admins.length === 1 && admins[0] === id) throw lastAdmin();
  }
}

function notFound(): never {
  throw userNotFound();
}
