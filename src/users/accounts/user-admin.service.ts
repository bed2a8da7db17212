import { Injectable } from '@nestjs/common';
import { type AuditAction, AuditService } from '../../audit/audit.service';
import type { RequestOrigin } from '../../audit/request-origin.decorator';
import { AccountsService } from '../../auth/login/accounts.service';
import type { Identity } from '../../auth/identity';
import { assertAdmin } from '../../auth/permissions';
import { validationFailed } from '../../http/validation.pipe';
import { userNotFound } from '../user.errors';
import type { User, UserChanges, UserPosition } from '../user.types';
import { inPages, UserData } from '../user-data';
import { UsersService } from '../users.service';
import { UserErasure } from './user-erasure';

/** Users as they may see and change themselves, and administrators everybody. */
@Injectable()
export class UserAdminService {
  constructor(
    private readonly users: UsersService,
    private readonly accounts: AccountsService,
    private readonly data: UserData,
    private readonly audit: AuditService,
    private readonly erasure: UserErasure,
  ) {}

  list(after: UserPosition | undefined, limit: number): Promise<User[]> {
    return this.users.list(after, limit);
  }

  /** @throws {AppError} `user_not_found` also for somebody else, unless one is an administrator */
  async get(actor: Identity, id: string): Promise<User> {
    if (actor.role !== 'admin' && actor.userId !== id) throw userNotFound();
    return this.users.get(id);
  }

  /** @throws {AppError} as `get`; `forbidden`, `reauthentication_required`, `username_taken`, `email_taken`, `last_admin` */
  async update(actor: Identity, id: string, changes: UserChanges, origin: RequestOrigin): Promise<User> {
    const before = await this.get(actor, id);
    if (changes.role !== undefined || changes.is_active !== undefined) assertAdmin(actor);
    assertOwnAccount(before, changes);
    if (changesName(before, changes)) await this.accounts.assertReauthenticated(actor);
    const wanted = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    if (Object.keys(wanted).length === 0) return before;
    const after = await this.accounts.update(id, wanted);
    for (const action of actionsOf(before, after))
      await this.audit.record({ action, userId: id, actorId: actor.userId, origin });
    return after;
  }

  /**
   * Erases the user and everything of theirs; the record keeps that somebody was erased, but not who. False: the rest of it goes in
   * the background. To ask again waits for it again.
   * @throws {AppError} `user_not_found`, `reauthentication_required`, `last_admin`
   */
  async delete(actor: Identity, id: string, origin: RequestOrigin): Promise<boolean> {
    if (actor.role !== 'admin' && actor.userId !== id) throw userNotFound();
    await this.accounts.assertReauthenticated(actor);
    return this.erasure.run(id, actor.userId, origin);
  }

  /** Everything that is kept of the user, piece by piece. */
  async export(actor: Identity, id: string, origin: RequestOrigin): Promise<AsyncIterable<object>> {
    const user = await this.get(actor, id);
    await this.audit.record({ action: 'user.exported', userId: id, actorId: actor.userId, origin });
    return this.pieces(user);
  }

  private async *pieces(user: User): AsyncGenerator<object> {
    const { id, username, email, role, is_active, created_at } = user;
    yield { type: 'user', data: { id, username, email, role, is_active, created_at } };
    yield* this.data.read(id);
    for await (const event of inPages((after, limit) => this.audit.listOf(id, after, limit))) {
      const { action, address, target_id } = event;
      yield { type: 'audit_event', data: { created_at: event.created_at, action, target_id, address } };
    }
  }
}

/** Names of users whom somebody else authenticates are not ours to change. */
function assertOwnAccount({ username }: User, changes: UserChanges): void {
  const path = (['username', 'email'] as const).find((name) => changes[name] !== undefined);
  if (path && username === null)
    throw validationFailed([{ path, message: 'is kept by the service that authenticates this user' }]);
}

/** What somebody logs in with, and where they are written to. */
function changesName(before: User, { username, email }: UserChanges): boolean {
  return (username ?? before.username) !== before.username || (email ?? before.email) !== before.email;
}

function actionsOf(before: User, after: User): AuditAction[] {
  const actions: AuditAction[] = [];
  if (before.role !== after.role) actions.push('role.changed');
  if (before.is_active !== after.is_active) actions.push(after.is_active ? 'user.enabled' : 'user.disabled');
  if (before.username !== after.username || before.email !== after.email) actions.push('user.changed');
  return actions;
}
