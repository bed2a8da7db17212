import { SessionsService } from '../../src/auth/sessions/sessions.service';
import { UsersService } from '../../src/users/users.service';
import type { RunningApp } from './create-test-app';
import { type Answer, call, type Call } from './http-call';

/** Nobody logs in with it; hashing a password for each of hundreds would take long. */
const UNUSABLE_HASH = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** Sends what helpers ask for in the name of a user (`X-User-ID`) with that user's access token. */
export class AccountSender {
  private readonly tokens = new Map<string, string>();
  private names = 0;

  constructor(private readonly t: RunningApp) {}

  readonly send = ({ headers = {}, ...request }: Call): Promise<Answer> => {
    const { 'x-user-id': user, ...others } = headers;
    const token = user === undefined ? undefined : this.tokens.get(user);
    const authorization = token && { authorization: `Bearer ${token}` };
    return call(this.t.url, { ...request, headers: { ...others, ...authorization } });
  };

  tokenOf(user: string): string {
    return this.tokens.get(user) ?? '';
  }

  /** The id of a new account that is logged in. */
  async newAccount(role?: 'admin'): Promise<string> {
    this.names += 1;
    const username = `matrix${this.names}`;
    const account = { username, email: `${username}@example.com`, passwordHash: UNUSABLE_HASH, role };
    const { id } = await this.t.app.get(UsersService, { strict: false }).create(account);
    const { access } = await this.t.app.get(SessionsService, { strict: false }).begin(id);
    this.tokens.set(id, access);
    return id;
  }
}
