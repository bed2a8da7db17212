import { createHash } from 'node:crypto';
import { DataSource } from 'typeorm';
import { IDENTITY_BOUNDS } from '../../../src/config/bounds';
import { UsersService } from '../../../src/users/users.service';
import { bearer, logIn, newKey, PASSWORD, type Person, signUp } from '../../support/accounts';
import type { ApiClient } from '../../support/api-client';
import { MailServer } from '../../support/mail-server';
import { until } from '../../support/until';
import { useChatApp } from '../../support/use-chat-app';

const NEXT = 'quite another password';
const ENV = { AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' };
const mails = new MailServer();

const t = useChatApp(
  async () => {
    await mails.listen();
    return {
      ...ENV,
      SMTP_URL: mails.url,
      SMTP_FROM: 'Parley <parley@example.com>',
      RATE_LIMIT_LOGIN: '1000',
    };
  },
  { own: 'reads all rows' },
);
afterAll(() => mails.close());

interface Reset {
  token: string;
  url: string;
  expires_at: string;
}

let root: ApiClient;
let rootPerson: Person;
let names = 0;
const newcomer = () => signUp(t.url, `reset${(names += 1)}`);

const rows = <T extends object>(sql: string, parameters: unknown[] = []) =>
  t.app.get(DataSource).query<T[]>(sql, parameters);
const reset = (token: string, password: string) =>
  bearer(t.url).post('/auth/password/reset', { token, password });
const forgot = (email: string) => bearer(t.url).post('/auth/password/forgot', { email });
const logsIn = async (username: string, password: string) =>
  (await bearer(t.url).post('/auth/token', { username, password })).status;
const liveOf = async ({ id }: Person) =>
  (await rows('SELECT 1 FROM password_resets WHERE user_id = $1', [id])).length;

async function issue({ id }: Person): Promise<Reset> {
  const answer = await root.post<Reset>(`/users/${id}/password-reset`);
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body;
}

/** The token in the last mail to somebody. */
async function mailed({ username }: Person, count = 1): Promise<string> {
  const own = () => mails.mails.filter(({ to }) => to.includes(`${username}@example.com`));
  await until(async () => own().length >= count, 30_000);
  return /#\/reset\/([\w-]{43})/.exec(own().at(-1)?.text ?? '')?.[1] ?? '';
}

beforeAll(async () => {
  rootPerson = await signUp(t.url, 'root');
  await t.app.get(UsersService, { strict: false }).update(rootPerson.id, { role: 'admin' });
  root = bearer(t.url, (await logIn(t.url, 'root')).access_token);
});

describe('a link of an administrator', () => {
  it('lets its user choose a password, once, and ends all sessions', async () => {
    const person = await newcomer();
    const other = await logIn(t.url, person.username);
    const key = await newKey(person);
    const { token, url, expires_at } = await issue(person);
    expect(url).toBe(`${t.url}/#/reset/${token}`);
    const inHours = (Date.parse(expires_at) - Date.now()) / 3_600_000;
    expect(inHours).toBeGreaterThan(0.98);
    expect(inHours).toBeLessThan(1.02);
    expect((await reset(token, NEXT)).status).toBe(204);
    expect(await logsIn(person.username, NEXT)).toBe(200);
    expect(await logsIn(person.username, PASSWORD)).toBe(401);
    for (const refresh_token of [person.refresh, other.refresh_token])
      expect((await bearer(t.url).post('/auth/refresh', { refresh_token })).status).toBe(401);
    await until(async () => (await person.api.get('/auth/me')).status === 401);
    expect((await bearer(t.url, key.key).get('/conversations')).status).toBe(200);
    const again = await reset(token, 'a third good password');
    expect([again.status, again.body.code]).toEqual([400, 'invalid_reset_token']);
    expect(await logsIn(person.username, NEXT)).toBe(200);
  });

  it('is not spent by a password that is refused', async () => {
    const person = await newcomer();
    const { token } = await issue(person);
    for (const password of ['short', '', 'x'.repeat(257)]) {
      const refused = await reset(token, password);
      expect([refused.status, refused.body.errors?.[0].path]).toEqual([400, 'password']);
    }
    expect((await bearer(t.url).post('/auth/password/reset', { token })).status).toBe(400);
    expect((await bearer(t.url, person.access).get('/auth/me')).status).toBe(200);
    expect((await reset(token, NEXT)).status).toBe(204);
  });

  it('works for one of many who come at once', async () => {
    const person = await newcomer();
    const { token } = await issue(person);
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, i) => reset(token, `password number ${i}`)),
    );
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([204, 400, 400, 400, 400]);
  });

  it('is worth nothing an hour later, after another one was used, or for who is locked out', async () => {
    const person = await newcomer();
    const first = await issue(person);
    const second = await issue(person);
    await rows(`UPDATE password_resets SET expires_at = now() WHERE token_hash = $1`, [
      createHash('sha256').update(first.token).digest(),
    ]);
    expect((await reset(first.token, NEXT)).status).toBe(400);
    const third = await issue(person);
    expect((await reset(second.token, NEXT)).status).toBe(204);
    expect((await reset(third.token, NEXT)).status).toBe(400);
    expect(await liveOf(person)).toBe(0);
    const fourth = await issue(person);
    await t.app.get(UsersService, { strict: false }).update(person.id, { is_active: false });
    expect((await reset(fourth.token, PASSWORD)).status).toBe(400);
    await t.app.get(UsersService, { strict: false }).update(person.id, { is_active: true });
    expect((await reset(fourth.token, PASSWORD)).status).toBe(204);
  });

  it('is stored as a digest, five of a user at most, and erased with them', async () => {
    const person = await newcomer();
    const given: Reset[] = [];
    for (let i = 0; i < IDENTITY_BOUNDS.resetTokensOfUser.limit + 1; i += 1) given.push(await issue(person));
    expect(await liveOf(person)).toBe(IDENTITY_BOUNDS.resetTokensOfUser.limit);
    expect((await reset(given[0].token, NEXT)).status).toBe(400);
    const stored = JSON.stringify(
      await rows(`SELECT encode(token_hash, 'hex') AS hash, r::text AS row FROM password_resets r`),
    );
    for (const { token } of given) {
      expect(stored).not.toContain(token);
      expect(stored).not.toContain(Buffer.from(token).toString('hex'));
    }
    await root.delete(`/users/${person.id}`);
    expect(await liveOf(person)).toBe(0);
    expect((await reset(given[3].token, NEXT)).status).toBe(400);
  });

  it('is made by administrators only, who have given their password lately, and recorded', async () => {
    const person = await newcomer();
    const path = `/users/${person.id}/password-reset`;
    expect((await person.api.post(path)).body.code).toBe('forbidden');
    expect((await bearer(t.url).post(path)).status).toBe(401);
    expect((await root.post('/users/nobody/password-reset')).body.code).toBe('user_not_found');
    const stale = await logIn(t.url, 'root');
    await rows(`UPDATE sessions SET authenticated_at = now() - interval '1 hour' WHERE user_id = $1`, [
      rootPerson.id,
    ]);
    const refused = await bearer(t.url, stale.access_token).post(path);
    expect([refused.status, refused.body.code]).toEqual([403, 'reauthentication_required']);
    expect((await root.post('/auth/reauthenticate', { current_password: PASSWORD })).status).toBe(204);
    const { token } = await issue(person);
    await reset(token, NEXT);
    const recorded = await rows<{ action: string; actor: string | null }>(
      `SELECT action, actor FROM audit_events WHERE subject = $1 AND action LIKE 'password%' ORDER BY id`,
      [person.id],
    );
    expect(recorded).toEqual([
      { action: 'password_reset.issued', actor: rootPerson.id },
      { action: 'password.reset', actor: null },
    ]);
  });

  it.each(['', 'x', 'x'.repeat(43), 'x'.repeat(201), 5, null])('is none of the kind of %j', async (token) => {
    const answer = await bearer(t.url).post('/auth/password/reset', { token, password: NEXT });
    expect(answer.status).toBe(400);
  });
});

describe('who forgot their password', () => {
  it('is sent a link by mail, from whom the operator says', async () => {
    const person = await newcomer();
    expect((await forgot(`${person.username}@example.com`)).status).toBe(204);
    const token = await mailed(person);
    const mail = mails.mails.find(({ to }) => to.includes(`${person.username}@example.com`));
    expect(mail).toMatchObject({ from: 'parley@example.com', to: [`${person.username}@example.com`] });
    expect(mail?.text).toContain('From: Parley <parley@example.com>');
    expect(mail?.text).toContain(person.username);
    expect(mail?.text).toContain(`${t.url}/#/reset/${token}`);
    expect((await reset(token, NEXT)).status).toBe(204);
    expect(await logsIn(person.username, NEXT)).toBe(200);
    const jobs = await rows<{ row: string }>(
      `SELECT j::text AS row FROM user_jobs j WHERE user_id = $1 UNION ALL SELECT b::text FROM jobs.job_common b`,
      [person.id],
    );
    expect(jobs.map(({ row }) => row).join()).not.toMatch(new RegExp(`${token}|${person.username}`));
  });

  it('gets the same answer, after the same time, as who never was', async () => {
    const person = await newcomer();
    const timed = async (email: string) => {
      const started = performance.now();
      const { status, text, headers } = await forgot(email);
      const shown = [...headers.keys()].sort();
      return { answer: { status, text, shown }, ms: performance.now() - started };
    };
    const known = await timed(`${person.username}@example.com`);
    const unknown = await timed('nobody-at-all@example.com');
    const noAddress = await timed('nobody@localhost');
    expect(unknown.answer).toEqual(known.answer);
    expect(noAddress.answer).toEqual(known.answer);
    const least = IDENTITY_BOUNDS.resetAnswer.limit - 10;
    for (const { ms } of [known, unknown, noAddress]) expect(ms).toBeGreaterThan(least);
    expect((await forgot('no address')).status).toBe(400);
    await mailed(person);
  });

  it('is written to five times an hour at most', async () => {
    const person = await newcomer();
    const { limit } = IDENTITY_BOUNDS.resetTokensOfUser;
    for (let i = 0; i < limit; i += 1) {
      await forgot(`${person.username}@example.com`);
      await mailed(person, i + 1);
    }
    expect((await forgot(`${person.username}@example.com`)).status).toBe(204);
    const jobs = await rows(`SELECT 1 FROM user_jobs WHERE user_id = $1 AND type = 'password_reset'`, [
      person.id,
    ]);
    expect(jobs).toHaveLength(limit);
  });

  it('is slowed after ten times, be there an account or not', async () => {
    const codes = [];
    for (let i = 0; i < 12; i += 1) codes.push((await forgot('spammed@example.com')).status);
    expect(codes.slice(0, 10)).toEqual(Array(10).fill(204));
    expect(codes).toContain(429);
  });

  it('is sent nothing while locked out, nor at a name', async () => {
    const person = await newcomer();
    await t.app.get(UsersService, { strict: false }).update(person.id, { is_active: false });
    expect((await forgot(`${person.username}@example.com`)).status).toBe(204);
    expect(await rows('SELECT 1 FROM user_jobs WHERE user_id = $1', [person.id])).toEqual([]);
    expect((await forgot(person.username)).status).toBe(400);
  });

  it('has the mail tried again where the server refuses it, without a second link', async () => {
    const person = await newcomer();
    mails.refusal = '451 later';
    await forgot(`${person.username}@example.com`);
    const job = async () =>
      (
        await rows<{ state: string; attempts: number; error: { code: string } | null }>(
          'SELECT state, attempts, error FROM user_jobs WHERE user_id = $1',
          [person.id],
        )
      )[0];
    await until(async () => (await job())?.error?.code === 'mail_failed', 30_000);
    expect(await job()).toMatchObject({ state: 'queued', attempts: 1 });
    expect(await liveOf(person)).toBe(0);
    mails.refusal = undefined;
  });

  it('is told of another place that mail leads to only by the operator', async () => {
    const person = await newcomer();
    const response = await fetch(`${t.url}/api/v1/auth/password/forgot`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-host': 'evil.example.com' },
      body: JSON.stringify({ email: `${person.username}@example.com` }),
    });
    expect(response.status).toBe(204);
    await mailed(person);
    expect(mails.mails.at(-1)?.text).not.toContain('evil');
  });
});

describe('without a mail server', () => {
  const quiet = useChatApp(ENV);

  it('nobody is sent anything, and a page is told so', async () => {
    const answer = await bearer(quiet.url).post('/auth/password/forgot', { email: 'alice@example.com' });
    expect([answer.status, answer.body.code]).toEqual([404, 'mail_disabled']);
    const about = async (url: string) =>
      (await bearer(url).get<{ password_reset: boolean; features: string[] }>('')).body;
    expect(await about(quiet.url)).toMatchObject({ password_reset: false });
    expect((await about(quiet.url)).features).not.toContain('password_reset');
    expect(await about(t.url)).toMatchObject({ password_reset: true });
    expect((await about(t.url)).features).toEqual(
      expect.arrayContaining(['password_reset', 'cookie_sign_in']),
    );
  });
});
