import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { UsersService } from '../../../src/users/users.service';
import { bearer, type Person, signUp, type Tokens } from '../../support/accounts';
import { useChatApp } from '../../support/use-chat-app';

const ENV = { AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' };
/** Two processes, where the database can be shared. */
const isShared = Boolean(process.env.TEST_DATABASE_URL);

const t = useChatApp(ENV, { own: 'one of two processes' });
const there = isShared ? useChatApp(ENV, { own: 'the other one', beside: t }) : t;

const rows = <T>(sql: string, parameters: unknown[] = []) =>
  t.app.get(DataSource).query<T[]>(sql, parameters);
const refresh = (refresh_token: string, app = t) =>
  bearer(app.url).post<Tokens>('/auth/refresh', { refresh_token });
const goesOn = async (token: string) => (await bearer(t.url, token).get('/auth/me')).status === 200;
const sessionOf = (access: string) =>
  (JSON.parse(Buffer.from(access.split('.')[1], 'base64url').toString()) as { sid: string }).sid;
const reusesOf = async ({ id }: Person) =>
  (await rows(`SELECT 1 FROM audit_events WHERE subject = $1 AND action = 'session.reuse_detected'`, [id]))
    .length;

/** As if the last rotation had been so long ago. */
const age = ({ access }: Person, seconds: number) =>
  rows(`UPDATE sessions SET rotated_at = rotated_at - make_interval(secs => $2) WHERE id = $1`, [
    sessionOf(access),
    seconds,
  ]);

describe('a token that has just been spent', () => {
  it('is answered with the same successor, however many come at once, in whichever process', async () => {
    const person = await signUp(t.url, 'tabs');
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => refresh(person.refresh, i % 2 ? there : t)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(10).fill(200));
    const successors = new Set(answers.map(({ body }) => body.refresh_token));
    expect(successors.size).toBe(1);
    for (const { body } of answers) expect(await goesOn(body.access_token)).toBe(true);
    const [next] = successors;
    expect(next).not.toBe(person.refresh);
    expect((await refresh(next, there)).status).toBe(200);
    expect(await reusesOf(person)).toBe(0);
  });

  it('helps who missed the answer, for ten seconds; after that the whole family ends', async () => {
    const person = await signUp(t.url, 'lossy');
    const { body: lost } = await refresh(person.refresh);
    await age(person, 8);
    const again = await refresh(person.refresh, there);
    expect([again.status, again.body.refresh_token]).toEqual([200, lost.refresh_token]);
    await age(person, 3);
    const late = await refresh(person.refresh);
    expect([late.status, late.body]).toMatchObject([401, { code: 'invalid_refresh_token' }]);
    expect((await refresh(lost.refresh_token)).status).toBe(401);
    expect(await goesOn(lost.access_token)).toBe(false);
    expect(await reusesOf(person)).toBe(1);
  });

  it.each([2, 5])('ends the family at once when it is %i rotations old', async (rotations) => {
    const person = await signUp(t.url, `older${rotations}`);
    let last = person.refresh;
    for (let i = 0; i < rotations; i += 1) last = (await refresh(last)).body.refresh_token;
    expect((await refresh(person.refresh)).status).toBe(401);
    expect((await refresh(last)).status).toBe(401);
    expect(await goesOn(person.access)).toBe(false);
    expect(await reusesOf(person)).toBe(1);
  });

  it('is of no use to somebody who is locked out', async () => {
    const person = await signUp(t.url, 'lockedrefresh');
    await refresh(person.refresh);
    await t.app.get(UsersService).update(person.id, { is_active: false });
    expect((await refresh(person.refresh)).status).toBe(401);
  });
});

describe('a token that never was', () => {
  const sidIn = (access: string) =>
    Buffer.from(sessionOf(access).replaceAll('-', ''), 'hex').toString('base64url');
  const flipped = (text: string, at: number) =>
    `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;

  it.each<[string, (person: Person) => string]>([
    ["a session's id and no secret", ({ access }) => `prt_${sidIn(access)}${'A'.repeat(43)}`],
    ['the same with a tag', ({ access }) => `prt_${sidIn(access)}${'A'.repeat(65)}`],
    ['a token without its tag', ({ refresh: token }) => token.slice(0, 69)],
    ['a token that was cut off', ({ refresh: token }) => token.slice(0, -1)],
    ['another secret', ({ refresh: token }) => flipped(token, 40)],
    ['another last sign of the secret', ({ refresh: token }) => flipped(token, 68)],
    ['another tag', ({ refresh: token }) => flipped(token, 72)],
    ['another last sign of the tag', ({ refresh: token }) => flipped(token, token.length - 1)],
  ])('changes nothing: %s', async (_what, forge) => {
    const person = await signUp(t.url, `forged-${randomUUID().slice(0, 8)}`);
    const answer = await refresh(forge(person));
    expect([answer.status, answer.body]).toMatchObject([401, { code: 'invalid_refresh_token' }]);
    expect(await goesOn(person.access)).toBe(true);
    expect(await reusesOf(person)).toBe(0);
    expect((await refresh(person.refresh)).status).toBe(200);
  });
});

describe('a session from before tokens had tags', () => {
  it('goes on, and its tokens are as those of others from then on', async () => {
    const person = await signUp(t.url, 'veteran');
    const id = sessionOf(person.access);
    const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
    const old = `prt_${bytes.toString('base64url')}${randomBytes(32).toString('base64url')}`;
    const never = `prt_${bytes.toString('base64url')}${randomBytes(32).toString('base64url')}`;
    await rows('UPDATE sessions SET refresh_hash = $2, token_key = NULL, salt = NULL WHERE id = $1', [
      id,
      createHash('sha256').update(old).digest(),
    ]);
    expect((await refresh(never)).status).toBe(401);
    const first = await refresh(old);
    expect([first.status, first.body.refresh_token.length]).toEqual([200, person.refresh.length]);
    expect((await refresh(old)).body.refresh_token).toBe(first.body.refresh_token);
    expect((await refresh(first.body.refresh_token)).status).toBe(200);
    expect((await refresh(never)).status).toBe(401);
    expect(await goesOn(person.access)).toBe(true);
    expect((await refresh(first.body.refresh_token)).status).toBe(200);
    await age(person, 11);
    expect((await refresh(first.body.refresh_token)).status).toBe(401);
    expect(await goesOn(person.access)).toBe(false);
  });
});

it('no token is stored, nor what one could be made from without the token before it', async () => {
  const person = await signUp(t.url, 'unstored');
  const { body } = await refresh(person.refresh);
  const kept = JSON.stringify(await rows('SELECT s::text FROM sessions s'));
  for (const token of [person.refresh, body.refresh_token]) {
    const secret = Buffer.from(token.slice(26, 69), 'base64url');
    for (const form of [token, token.slice(26, 69), secret.toString('hex')]) expect(kept).not.toContain(form);
  }
  const [first, second] = [await rows('SELECT salt FROM sessions'), await refresh(body.refresh_token)];
  expect(second.status).toBe(200);
  // Nobody who has seen an old token and learns the present row can make the present token.
  expect(await rows('SELECT salt FROM sessions')).not.toEqual(first);
});
