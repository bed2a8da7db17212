import { SignJWT } from 'jose';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { ApiKeysService } from '../../src/auth/keys/api-keys.service';
import { AccessTokens } from '../../src/auth/sessions/access-tokens';
import { SessionsService } from '../../src/auth/sessions/sessions.service';
import { UserErasure } from '../../src/users/accounts/user-erasure';
import { UsersService } from '../../src/users/users.service';
import type { AccountSender } from './account-sender';
import type { RunningApp } from './create-test-app';

/**
 * What no longer lets anybody in, or never did: credentials of a user whose own are good, and of others who are locked out or erased.
 * By what is wrong with each.
 */
export async function invalidCredentials(
  t: RunningApp,
  accounts: AccountSender,
  user: string,
  secret: string,
): Promise<Record<string, string>> {
  const inner = <T>(type: abstract new (...args: never[]) => T): T =>
    t.app.get(type as never, { strict: false });
  const [users, sessions, keys] = [inner(UsersService), inner(SessionsService), inner(ApiKeysService)];
  const mine = accounts.tokenOf(user);
  const claims = JSON.parse(Buffer.from(mine.split('.')[1], 'base64url').toString()) as Record<
    string,
    unknown
  >;
  const sign = (changes: object, key = secret) =>
    new SignJWT({ ...claims, ...changes })
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
      .sign(Buffer.from(key));
  const [disabled, deleted] = [await accounts.newAccount(), await accounts.newAccount()];
  const [disabledKey, deletedKey] = [
    await keys.create(disabled, { name: 'x' }),
    await keys.create(user, { name: 'x' }),
  ];
  await users.update(disabled, { is_active: false });
  await inner(UserErasure).run(deleted, deleted, {});
  await keys.delete(user, deletedKey.key.id);
  const expired = await keys.create(user, { name: 'x' });
  await t.app
    .get(DataSource)
    .query(`UPDATE api_keys SET expires_at = now() - interval '1 day' WHERE id = $1`, [expired.key.id]);
  const ended = await sessions.begin(user);
  const { sid } = JSON.parse(Buffer.from(ended.access.split('.')[1], 'base64url').toString()) as {
    sid: string;
  };
  await sessions.end(user, sid);
  return {
    garbage: 'garbage',
    'a user id': user,
    'another signature': await sign({}, `${secret}x`),
    'no signature': `${mine.split('.').slice(0, 2).join('.')}.`,
    'an expired token': await sign({ exp: Math.floor(Date.now() / 1000) - 100 }),
    'a session that never was': await inner(AccessTokens).sign({
      userId: user,
      sessionId: randomUUID(),
    }),
    'a session that ended': ended.access,
    'a refresh token': (await sessions.begin(user)).refresh,
    'the token of somebody locked out': accounts.tokenOf(disabled),
    'the token of somebody erased': accounts.tokenOf(deleted),
    'the key of somebody locked out': disabledKey.text,
    'a deleted key': deletedKey.text,
    'an expired key': expired.text,
    'a key that never was': `parley_${'A'.repeat(43)}`,
  };
}
