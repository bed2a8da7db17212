import { DataSource } from 'typeorm';
import { AuditService } from '../../../src/audit/audit.service';
import { AccountsService } from '../../../src/auth/login/accounts.service';
import { ApiKeysService } from '../../../src/auth/keys/api-keys.service';
import { SessionsService } from '../../../src/auth/sessions/sessions.service';
import { StreamTicketsService } from '../../../src/auth/tickets/stream-tickets.service';
import { UserErasure } from '../../../src/users/accounts/user-erasure';
import { UsersService } from '../../../src/users/users.service';
import { bearer, logIn, newKey, PASSWORD, signUp } from '../../support/accounts';
import { useChatApp } from '../../support/use-chat-app';

const ENV = { AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' };

const t = useChatApp(ENV, { own: 'changes rows of names and credentials behind the back of the service' });

const rows = <T>(sql: string, parameters: unknown[] = []) =>
  t.app.get(DataSource).query<T[]>(sql, parameters);
const users = () => t.app.get(UsersService);
const named = (id: string) =>
  rows<{ name_key: string; kind: string }>(
    'SELECT name_key, kind FROM account_names WHERE user_id = $1 ORDER BY kind DESC',
    [id],
  );

describe('names', () => {
  it('go with their user, and what was given back is free', async () => {
    const one = await signUp(t.url, 'Renamed');
    await users().update(one.id, { username: 'RENAMED', email: 'Renamed@Example.com' });
    expect(await users().get(one.id)).toMatchObject({ username: 'RENAMED', email: 'Renamed@Example.com' });
    await users().update(one.id, { username: 'someone.else' });
    expect(await named(one.id)).toEqual([
      { name_key: 'someone.else', kind: 'username' },
      { name_key: 'renamed@example.com', kind: 'email' },
    ]);
    const two = await bearer(t.url).post('/auth/register', {
      username: 'renamed',
      email: 'two@example.com',
      password: PASSWORD,
    });
    expect(two.status).toBe(201);
    await logIn(t.url, 'someone.else');
    await logIn(t.url, 'renamed@example.com');
  });

  it('of somebody else are refused, and nothing of the change is left', async () => {
    const [one, two] = [await signUp(t.url, 'first'), await signUp(t.url, 'second')];
    await expect(
      users().update(one.id, { username: 'free', email: 'SECOND@example.com' }),
    ).rejects.toMatchObject({ code: 'email_taken' });
    await expect(users().update(one.id, { username: 'Second' })).rejects.toMatchObject({
      code: 'username_taken',
    });
    expect(await users().get(one.id)).toMatchObject({ username: 'first', email: 'first@example.com' });
    expect((await named(one.id)).map(({ name_key }) => name_key)).toEqual(['first', 'first@example.com']);
    expect(await named(two.id)).toHaveLength(2);
    expect(await rows(`SELECT 1 FROM account_names WHERE name_key = 'free'`)).toEqual([]);
  });

  it('have one owner, whoever asks for them at once', async () => {
    const people = await Promise.all(['left', 'right', 'middle'].map((name) => signUp(t.url, name)));
    const changes = await Promise.allSettled(
      people.map(({ id }) => users().update(id, { username: 'wanted', email: 'wanted@example.com' })),
    );
    expect(changes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const [{ user_id }] = await rows<{ user_id: string }>(
      `SELECT user_id FROM account_names WHERE name_key = 'wanted'`,
    );
    expect(await users().get(user_id)).toMatchObject({ username: 'wanted', email: 'wanted@example.com' });
    // Two who want each other's.
    const [a, b] = people.filter(({ id }) => id !== user_id);
    await Promise.allSettled([
      users().update(a.id, { username: b.username }),
      users().update(b.id, { username: a.username }),
    ]);
    for (const { id } of [a, b]) expect((await named(id))[0].name_key).toBe((await users().get(id)).username);
  });
});

it('administrators are those who are noted as such, after every change of role and access', async () => {
  const { id: first } = await signUp(t.url, 'admin1');
  const { id: second } = await signUp(t.url, 'admin2');
  const noted = async () =>
    (await rows<{ user_id: string }>('SELECT user_id FROM admins')).map(({ user_id }) => user_id).sort();
  for (const [id, changes, expected] of [
    [first, { role: 'admin' }, [first]],
    [second, { role: 'admin', is_active: false }, [first]],
    [second, { is_active: true }, [first, second]],
    [first, { is_active: false }, [second]],
    [first, { is_active: true, role: 'user' }, [second]],
    [first, { role: 'admin' }, [first, second]],
    [second, { username: 'admin3' }, [first, second]],
  ] as const) {
    await users().update(id, changes);
    expect(await noted()).toEqual(expected.toSorted());
  }
  const outcomes = await Promise.allSettled(
    [first, second].map((id) => users().update(id, { role: 'user' })),
  );
  expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([
    { status: 'rejected', reason: expect.objectContaining({ code: 'last_admin' }) },
  ]);
  expect(await noted()).toHaveLength(1);
});

describe('credentials of somebody who is being erased, or gone', () => {
  const tables = ['sessions', 'api_keys', 'stream_tickets'];

  it.each([
    ['being erased', 'erasure_in_progress'],
    ['gone', 'unauthenticated'],
  ])('are not made any more: %s', async (state, code) => {
    const person = await signUp(t.url, state.replace(' ', '.'));
    const { id } = person;
    const identity = { userId: id, role: 'user' as const };
    await rows('DELETE FROM sessions WHERE user_id = $1', [id]);
    await rows(`UPDATE users SET erased_as = 'deleted:1' WHERE id = $1`, [id]);
    if (state === 'gone') {
      await t.app.get(AuditService).forget(id, 'deleted:1', 100);
      await rows('DELETE FROM users WHERE id = $1', [id]);
    }
    for (const make of [
      () => t.app.get(SessionsService).begin(id),
      () => t.app.get(ApiKeysService).create(id, { name: 'Late' }),
      () => t.app.get(StreamTicketsService).issue(identity),
    ])
      await expect(make()).rejects.toMatchObject({ code });
    for (const table of tables)
      expect(await rows(`SELECT 1 FROM ${table} WHERE user_id = $1`, [id])).toEqual([]);
  });

  it('are not left behind by those who come while it goes on', async () => {
    for (let round = 0; round < 5; round++) {
      const person = await signUp(t.url, `racing${round}`);
      const { key } = await newKey(person);
      const come = () => [
        t.app
          .get(AccountsService)
          .logIn({ login: person.username, password: PASSWORD }, { address: '127.0.0.1', requestId: 'r' }),
        newKey(person),
        bearer(t.url, key).ticket(),
      ];
      await Promise.allSettled([
        ...come(),
        t.app.get(UserErasure).run(person.id, person.id, { address: '127.0.0.1', requestId: 'r' }),
        ...come(),
      ]);
      for (const table of tables)
        expect(await rows(`SELECT 1 FROM ${table} WHERE user_id = $1`, [person.id])).toEqual([]);
      expect(await named(person.id)).toEqual([]);
    }
  });
});
