import { Injectable } from '@nestjs/common';
import { IDENTITY_BOUNDS } from '../config/bounds';
import { InvalidatingCache } from './invalidating-cache';
import { UserChangeFeed } from './revocations/user-change-feed';
import { asTaken, erasureInProgress, lastAdmin, userNotFound } from './user.errors';
import type { KnownState, NewAccount, User, UserChanges, UserPosition, UserState } from './user.types';
import { type ErasedUser, UsersRepository } from './users.repository';

/** An account with what proves that it is one's own. */
export type Account = User & { password_hash: string | null };

@Injectable()
export class UsersService {
  private readonly states: InvalidatingCache<KnownState>;

  constructor(
    private readonly users: UsersRepository,
    private readonly revocations: UserChangeFeed,
  ) {
    this.states = new InvalidatingCache(revocations, IDENTITY_BOUNDS.rememberedIdentities.limit);
  }

  /**
   * The state of somebody whom others vouch for, since `vouchedAt`; their row is made when they are seen for the first time.
   * Undefined if they were erased after that.
   * @throws {AppError} `erasure_in_progress`
   */
  async stateOfKnown(id: string, vouchedAt = new Date()): Promise<UserState | undefined> {
    const state = await this.states.get(id, async () => {
      const look = () => this.users.findOrInsert(id, vouchedAt);
      const found = (await look()) ?? (await look());
      return found && { userId: id, value: found };
    });
    if (state?.erasing) throw erasureInProgress();
    return state && (state.valid_from ?? vouchedAt) <= vouchedAt ? state : undefined;
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

  /** By username or address. */
  async findByLogin(login: string): Promise<Account | undefined> {
    return (await this.users.findByLogin(login)) ?? undefined;
  }

  list(after: UserPosition | undefined, limit: number): Promise<User[]> {
    return this.users.list(after, limit);
  }

  /** @throws {AppError} `username_taken`, `email_taken` */
  create(account: NewAccount): Promise<User> {
    return this.users.insertAccount(account).catch(asTaken);
  }

  /**
   * Changes of a role or of being active take effect everywhere within a second.
   * @throws {AppError} `user_not_found`, `username_taken`, `email_taken`, `last_admin`
   */
  update(id: string, changes: UserChanges): Promise<User> {
    return this.revocations
      .change(id, async () => {
        if (changes.role === 'user' || changes.is_active === false) await this.assertNotLastAdmin(id);
        return (await this.users.update(id, changes)) ?? notFound();
      })
      .catch(asTaken);
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
    return this.revocations.change(id, async () => {
      await this.assertNotLastAdmin(id);
      return further((await this.users.beginErasure(id, recordName)) ?? notFound());
    });
  }

  /** Somebody who is being erased, kept from others until the transaction around this call ends: this user, or anybody. */
  lockErased(id?: string): Promise<ErasedUser | undefined> {
    return id === undefined ? this.users.lockErased() : this.users.lockErasedOf(id);
  }

  /** Nothing of the user is left: the name is as one that never was. */
  endErasure(id: string): Promise<void> {
    return this.revocations.change(id, () => this.users.delete(id));
  }

  private async assertNotLastAdmin(id: string): Promise<void> {
    const admins = await this.users.lockAdmins();
    if (admins.length === 1 && admins[0] === id) throw lastAdmin();
  }
}

function notFound(): never {
  throw userNotFound();
}
