import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { Signals } from '../../../src/signals/signals';
import { REVOCATIONS_TOPIC } from '../../../src/signals/topics';
import { subjectOf } from '../../../src/users/revocations/subject';
import { UsersService } from '../../../src/users/users.service';
import { bearer, logIn, newKey, PASSWORD, signUp } from '../../support/accounts';
import { until } from '../../support/until';
import { useChatApp } from '../../support/use-chat-app';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { SLACK_MS } from '../../support/slack';

/** Only a real PostgreSQL can be shared by two instances. */
const shared = process.env.TEST_DATABASE_URL ? describe : describe.skip;

shared('two instances', () => {
  const env = { AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' };
  const here = useChatApp(env, { own: 'one of two instances' });
  const there = useChatApp(env, { own: 'the other one', beside: here });
  const { model } = here;
  beforeAll(() => void model.otherwise(reply('Yes.')));

  /** Milliseconds until this is refused there. */
  async function refusedAfter(token: string): Promise<number> {
    const began = performance.now();
    while (performance.now() - began < 20_000) {
      if ((await bearer(there.url, token).get('/conversations')).status === 401)
        return performance.now() - began;
      await sleep(20);
    }
    throw new Error('It is let in for ever');
  }

  it.each([
    [
      'a session that ends',
      async () => {
        const person = await signUp(here.url, 'leaver');
        return { token: person.access, end: () => person.api.post('/auth/logout') };
      },
    ],
    [
      'a key that is deleted',
      async () => {
        const person = await signUp(here.url, 'keyless');
        const { id, key } = await newKey(person);
        return { token: key, end: () => person.api.delete(`/api-keys/${id}`) };
      },
    ],
    [
      'a user who is locked out',
      async () => {
        const person = await signUp(here.url, 'lockedout');
        return {
          token: person.access,
          end: () => here.app.get(UsersService, { strict: false }).update(person.id, { is_active: false }),
        };
      },
    ],
    [
      'a user who is erased',
      async () => {
        const person = await signUp(here.url, 'erased');
        return { token: person.access, end: () => person.api.delete(`/users/${person.id}`) };
      },
    ],
  ] as const)('%s is refused by the other within a second', async (_what, prepare) => {
    const { token, end } = await prepare();
    // Known there, so that it is not asked for again.
    for (let i = 0; i < 3; i += 1)
      expect((await bearer(there.url, token).get('/conversations')).status).toBe(200);
    await end();
    expect(await refusedAfter(token)).toBeLessThan(1_000 + SLACK_MS);
  });

  it('nobody who is erased is named in any table, not even for the moment in which the others hear of it', async () => {
    const person = await signUp(here.url, 'nameless');
    expect((await bearer(there.url, person.access).get('/conversations')).status).toBe(200);
    await person.api.post('/auth/reauthenticate', { current_password: PASSWORD });
    const other = await logIn(here.url, 'nameless');
    await bearer(here.url, other.access_token).post('/auth/logout');
    expect((await person.api.delete(`/users/${person.id}`)).status).toBe(204);
    const tablesOf = here.app.get(DataSource);
    const tables = await tablesOf.query<{ name: string }[]>(
      `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = current_schema()`,
    );
    const named: string[] = [];
    for (const { name } of tables) {
      const rows = await tablesOf.query<object[]>(
        `SELECT 1 FROM ${name} r WHERE position($1 in r::text) > 0`,
        [person.id],
      );
      if (rows.length) named.push(name);
    }
    expect(named).toEqual([]);
    expect(await refusedAfter(person.access)).toBeLessThan(1_000 + SLACK_MS);
  });

  it('streams on the other end within a second, and so do replies', async () => {
    const person = await signUp(here.url, 'streamer');
    const gate = hold();
    model.script(reply(['Some ', gate, 'more.']));
    const api = bearer(there.url, person.access);
    const { id } = await api.conversation();
    const stream = await api.stream(id, 'Hello');
    await stream.count(2);
    const began = performance.now();
    await here.app.get(UsersService, { strict: false }).update(person.id, { is_active: false });
    await stream.done();
    expect(performance.now() - began).toBeLessThan(1_000 + SLACK_MS);
    expect(stream.last.type).toMatch(/error|end/);
    gate.release();
  });

  it('a change that is made here is published there, where a poll has found it', async () => {
    const person = await signUp(here.url, 'published');
    const told: (string | undefined)[] = [];
    const end = there.app
      .get(Signals, { strict: false })
      .subscribe(REVOCATIONS_TOPIC, (data) => told.push(data && Buffer.from(data).toString()));
    await here.app.get(UsersService, { strict: false }).update(person.id, { is_active: false });
    await until(async () => told.includes(subjectOf(person.id)));
    end();
  });
});
