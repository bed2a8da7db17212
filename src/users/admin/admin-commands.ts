import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { type AuditAction, AuditService } from '../../audit/audit.service';
import { AccountsService } from '../../auth/login/accounts.service';
import { LONGEST_PASSWORD, SHORTEST_PASSWORD } from '../../auth/login/dto/register.dto';
import { PasswordResets } from '../../auth/resets/password-resets.service';
import { publicUrlOf, resetLink } from '../../http/public-url';
import { AppConfig } from '../../config/app-config';
import { Counters, type Recount } from '../../usage/counters';
import { KeyRotation } from '../../providers/key-rotation';
import { isEmail, isUsername } from '../account-names';
import type { User, UserChanges } from '../user.types';
import { UsersService } from '../users.service';
import { UsageError } from '../../common/usage-error';

export const USAGE = `npm run admin -- <command>
  create <username> <e-mail>   an administrator with an account (AUTH_MODE=token); ADMIN_PASSWORD, or a password that is shown once
  create <user id>             an administrator whom somebody else authenticates (AUTH_MODE=header, jwks)
  promote <user>               makes somebody an administrator; a user is given by id, username or address
  demote <user>                takes that back
  disable <user>               locks somebody out, within a second
  enable <user>                lets them in again
  reset-password <user>        makes a link with which somebody chooses a new password, once, within an hour (AUTH_MODE=token)
  rotate-keys                  seals all keys of users' own providers with ENCRYPTION_KEY that another one sealed,
                               or that an older version did not bind to their provider's address
  recount [--check]            counts what conversations store, and sets right what their counters say; --check: only tells`;

/** The counters of some conversations are wrong; the message says of which. */
export class WrongCountersError extends UsageError {}

const CHANGES: Record<string, { changes: UserChanges; action: AuditAction }> = {
  promote: { changes: { role: 'admin' }, action: 'role.changed' },
  demote: { changes: { role: 'user' }, action: 'role.changed' },
  disable: { changes: { is_active: false }, action: 'user.disabled' },
  enable: { changes: { is_active: true }, action: 'user.enabled' },
};

/** What commands do to data as a whole. */
@Injectable()
export class Maintenance {
  constructor(
    readonly rotation: KeyRotation,
    readonly counters: Counters,
    readonly resets: PasswordResets,
  ) {}
}

@Injectable()
export class AdminCommands {
  constructor(
    private readonly accounts: AccountsService,
    private readonly users: UsersService,
    private readonly audit: AuditService,
    private readonly config: AppConfig,
    private readonly maintenance: Maintenance,
  ) {}

  /** Does what the arguments say, and answers what to tell. */
  async run([command = '', ...rest]: string[], password?: string): Promise<string> {
    if (command === 'create') return this.create(rest, password);
    if (command === 'reset-password' && rest.length === 1) return this.resetPassword(rest[0]);
    if (command === 'rotate-keys' && rest.length === 0) return this.rotateKeys();
    if (command === 'recount' && !rest.some((option) => option !== '--check'))
      return this.recount(rest.length > 0);
    const known = Object.hasOwn(CHANGES, command) ? CHANGES[command] : undefined;
    if (!known || rest.length !== 1) throw new UsageError(USAGE);
    const user = await this.find(rest[0]);
    const { role, is_active } = await this.accounts.update(user.id, known.changes);
    await this.audit.record({ action: known.action, userId: user.id, actorId: 'admin-command' });
    return `${user.id} is ${role === 'admin' ? 'an administrator' : 'a user'}${is_active ? '' : ', and locked out'}.`;
  }

  private async resetPassword(name: string): Promise<string> {
    if (this.config.auth.mode !== 'token')
      throw new UsageError(
        'In this AUTH_MODE there are no passwords here: see who authenticates your users.',
      );
    const { id } = await this.find(name);
    const { token } = await this.maintenance.resets.issue(id);
    await this.audit.record({ action: 'password_reset.issued', userId: id, actorId: 'admin-command' });
    return `With this link, which works once and for an hour, ${name} chooses a new password: ${resetLink(publicUrlOf(this.config.http), token)}`;
  }

  private async rotateKeys(): Promise<string> {
    const { resealed, unreadable } = await this.maintenance.rotation.run();
    await this.audit.record({ action: 'provider_keys.rotated', actorId: 'admin-command' });
    const lost = unreadable
      ? ` ${unreadable} could not be read: their master key is neither ENCRYPTION_KEY nor in ENCRYPTION_KEYS_PREVIOUS.`
      : '';
    return `${resealed} keys were sealed anew.${lost}`;
  }

  private async recount(onlyTell: boolean): Promise<string> {
    const { conversations, wrong } = await this.maintenance.counters.recount({ correct: !onlyTell });
    if (onlyTell && wrong.length) throw new WrongCountersError(listOf(wrong));
    const corrected = wrong.length ? ` Set right:\n${listOf(wrong)}` : '';
    return `${conversations} conversations, ${wrong.length} with wrong counters.${corrected}`;
  }

  private async create(names: string[], password: string | undefined): Promise<string> {
    if (this.config.auth.mode === 'token') return this.createAccount(names, password);
    if (names.length !== 1) throw new UsageError('In this AUTH_MODE: npm run admin -- create <user id>');
    const [id] = names;
    await this.users.stateOfExternal(id);
    return this.run(['promote', id]);
  }

  private async createAccount(
    [username, email, ...more]: string[],
    given: string | undefined,
  ): Promise<string> {
    if (!isUsername(username) || !isEmail(email) || more.length > 0)
      throw new UsageError('In this AUTH_MODE: npm run admin -- create <username> <e-mail>');
    const password = given ?? randomBytes(15).toString('base64url');
    if (password.length < SHORTEST_PASSWORD || password.length > LONGEST_PASSWORD)
      throw new UsageError(
        `ADMIN_PASSWORD must have ${SHORTEST_PASSWORD} to ${LONGEST_PASSWORD} characters.`,
      );
    const { id } = await this.accounts.register({ username, email, password, role: 'admin' });
    return `${username} is an administrator (${id}).${given ? '' : ` The password, shown only now: ${password}`}`;
  }

  private async find(name: string): Promise<User> {
    const user = (await this.users.find(name)) ?? (await this.users.findByLogin(name));
    if (!user) throw new UsageError(`There is no user ${name}.`);
    return user;
  }
}

function listOf(wrong: Recount['wrong']): string {
  return wrong
    .map(
      ({ id, stored_bytes, counted_bytes, message_count, counted_messages }) =>
        `${id}: stored_bytes ${stored_bytes}, counted ${counted_bytes}; message_count ${message_count}, counted ${counted_messages}`,
    )
    .join('\n');
}
