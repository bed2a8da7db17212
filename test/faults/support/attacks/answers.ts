import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bearer, logIn, PASSWORD, type Person, signUp } from '../../../support/accounts';
import type { Answer, ChatMessage, Conversation, Problem } from '../../../support/api-client';
import { sendRaw } from '../../../support/raw-http';
import { SocketClient } from '../../../support/socket-client';
import type { SseReader } from '../../../support/sse-reader';
import { PAGE, REAUTHENTICATION_S, type Target } from './target';
import { Wire } from './wire';

/*
 * The findings that are seen in an answer rather than in what others have to wait: each with the forms that it may take.
 */

const ROOT = join(__dirname, '../../../..');
const MAX_STREAMS = 200;
let people = 0;

/** The target, and the provider that the attackers bring. */
export type Scene = () => { target: Target; models: string };

const newcomer = (target: Target): Promise<Person> => signUp(target.url, `person${++people}-${process.pid}`);
const key = () => ({ 'idempotency-key': crypto.randomUUID() });
const said = ({ status, body }: Answer<Problem>) => `${status} ${body?.code ?? ''}`;

async function providerOf(person: Person, base_url: string, models: string[]): Promise<string> {
  const body = { name: 'p', base_url, api_key: 'sk-canary-12345678', models };
  const answer = await person.api.post<{ id: string }>('/providers', body);
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body.id;
}

/** M2: a repetition reads the resource; of what is gone nothing is kept, so it counts for no quota. */
export function copies(scene: Scene): void {
  /** What is made, repeated, removed, and repeated again. */
  async function repeated(
    person: Person,
    path: string,
    body: object | undefined,
    remove: (made: string) => Promise<unknown>,
  ) {
    const headers = key();
    const first = await person.api.post<{ id: string }>(path, body, headers);
    const second = await person.api.post<{ id: string }>(path, body, headers);
    expect([first.status, second.body.id]).toEqual([201, first.body.id]);
    await remove(first.body.id);
    return person.api.post(path, body, headers);
  }

  it('M2: a conversation, a copy, a rating and a provider that are gone are not shown again, nor kept', async () => {
    const { target, models } = scene();
    const person = await newcomer(target);
    const remove = (path: string) => (id: string) => person.api.delete(`${path}/${id}`);
    const drop = remove('/conversations');
    const secret = { title: 'canary-title', system_prompt: 'canary-prompt' };
    const gone = [await repeated(person, '/conversations', secret, drop)];

    const source = await person.api.conversation({ system_prompt: 'canary-source' });
    await person.api.say(source.id, 'canary-question');
    const both = async (copy: string) => [await drop(copy), await drop(source.id)];
    gone.push(await repeated(person, `/conversations/${source.id}/fork`, undefined, both));

    const { message } = await person.api.say((await person.api.conversation()).id, 'Hello');
    const rating = { message_id: message.id, rating: 5, comment: 'canary-comment' };
    gone.push(await repeated(person, '/feedback', rating, remove('/feedback')));
    const provider = { name: 'gone', base_url: models, api_key: 'sk-canary-0000', models: ['canary-model'] };
    gone.push(await repeated(person, '/providers', provider, remove('/providers')));
    const rated = await person.api.conversation();
    const reply = (await person.api.say(rated.id, 'Hello')).message;
    const withIt = { message_id: reply.id, rating: 1, comment: 'canary-with-it' };
    gone.push(await repeated(person, '/feedback', withIt, () => drop(rated.id)));

    expect(gone.map(said)).toEqual(gone.map(() => '410 resource_gone'));
    expect(gone.map(({ text }) => text).join()).not.toContain('canary');
  });
}

/** M4: a key is for the origin that it was given for. */
export function keys(scene: Scene): void {
  let thief: Server;
  const stolen: string[] = [];
  beforeAll(async () => {
    thief = createServer((request, response) => {
      stolen.push(request.headers.authorization ?? '');
      response.end('{}');
    });
    await new Promise<void>((resolve) => thief.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => thief.close());

  it('M4: a provider that moves to another origin needs its key again', async () => {
    const { target, models } = scene();
    const person = await newcomer(target);
    const id = await providerOf(person, models, ['brief']);
    const elsewhere = `http://127.0.0.1:${(thief.address() as AddressInfo).port}/v1`;
    const moves: object[] = [
      { base_url: elsewhere },
      { base_url: elsewhere, name: 'q', models: ['brief'] },
      { base_url: elsewhere, api_key: null },
      { base_url: models.replace('http:', 'https:') },
      { base_url: models.replace('127.0.0.1', '127.1') },
      { base_url: `${elsewhere}?x=${models}` },
    ];
    for (const move of moves) {
      expect([move, (await person.api.patch(`/providers/${id}`, move)).status]).toEqual([
        move,
        // The last but one is another way to write the same address.
        JSON.stringify(move).includes('//127.1:') ? expect.any(Number) : 400,
      ]);
      await person.api.post(`/providers/${id}/check`);
      await person.api.post('/chat', { content: 'Hello', model: 'p/brief' });
    }
    expect(stolen.filter((given) => given.includes('canary'))).toEqual([]);
    const moved = await person.api.patch(`/providers/${id}`, {
      base_url: elsewhere,
      api_key: 'sk-another-1',
    });
    expect(moved.status).toBe(200);
    await person.api.post(`/providers/${id}/check`);
    expect(stolen.at(-1)).toBe('Bearer sk-another-1');
  });
}

/** L1, L2: what a session is not ended by, and what it is not enough for. */
export function sessions(scene: Scene): void {
  it('L1: only a token that once was valid counts as spent', async () => {
    const person = await newcomer(scene().target);
    const secret = person.refresh.slice(-43);
    const begin = person.refresh.slice(0, -43);
    const forged = [
      begin + 'A'.repeat(43),
      begin + [...secret].toReversed().join(''),
      begin + secret.slice(1) + (secret.startsWith('A') ? 'B' : 'A'),
      person.refresh.slice(0, -1),
      `${person.refresh}A`,
    ];
    for (const refresh_token of forged) {
      expect((await bearer(scene().target.url).post('/auth/refresh', { refresh_token })).status).toBe(401);
      expect([refresh_token, (await person.api.get('/auth/me')).status]).toEqual([refresh_token, 200]);
    }
    const good = await bearer(scene().target.url).post('/auth/refresh', { refresh_token: person.refresh });
    expect(good.status).toBe(200);
  });

  it('L2: address, name, account and keys take the password, lately', async () => {
    const person = await newcomer(scene().target);
    const me = `/users/${person.id}`;
    await sleep((REAUTHENTICATION_S + 1) * 1_000);
    const refused = [
      await person.api.put(me, { email: 'new@evil.example' }),
      await person.api.put(me, { username: `evil-${people}` }),
      await person.api.post('/api-keys', { name: 'mine for good' }),
      await person.api.delete(me),
    ];
    expect(refused.map(said)).toEqual(refused.map(() => '403 reauthentication_required'));
    expect(
      said(await person.api.post('/auth/reauthenticate', { current_password: 'wrong password' })),
    ).not.toMatch(/^2/);
    expect(said(await person.api.post('/api-keys', { name: 'still not' }))).toBe(
      '403 reauthentication_required',
    );
    const vouched = await person.api.post('/auth/reauthenticate', { current_password: PASSWORD });
    expect([200, 204]).toContain(vouched.status);
    expect((await person.api.put(me, { email: `new-${person.username}@example.com` })).status).toBe(200);
  });
}

/** L4, L5: what a provider says of itself. */
export function providers(scene: Scene): void {
  it.each(['nested-refusal', 'nested-answer', 'nested-event', 'nested-detail'])(
    'L4: %s is a fault of the provider',
    async (model) => {
      const { target, models } = scene();
      const person = await newcomer(target);
      await providerOf(person, models, [model]);
      const { id } = await person.api.conversation();
      const answer = await person.api.post(`/chat/${id}`, { content: 'Hello', model: `p/${model}` });
      const message = await person.api.message(String(answer.body.message_id));
      // A refusal may also be taken at its word, by its status.
      const isRefusal = model === 'nested-refusal' || model === 'nested-detail';
      const codes = isRefusal ? /^provider_/ : /^provider_invalid_response$/;
      expect([answer.status, answer.body.code]).toEqual([502, expect.stringMatching(codes)]);
      expect([message.status, message.error?.code]).toEqual(['failed', expect.stringMatching(codes)]);
    },
  );

  it.each(['huge-usage', 'large-usage'])('L5: %s is not believed', async (model) => {
    const { target, models } = scene();
    const person = await newcomer(target);
    await providerOf(person, models, [model]);
    for (let turn = 0; turn < 2; turn++) {
      const { id } = await person.api.conversation();
      const { status, body } = await person.api.post<{ message: ChatMessage }>(`/chat/${id}`, {
        content: 'Hello',
        model: `p/${model}`,
      });
      const { input_tokens = 0, output_tokens = 0 } = body.message.usage ?? {};
      expect([status, input_tokens < 100_000_000, output_tokens < 100_000_000]).toEqual([200, true, true]);
    }
    const { text } = await person.api.get('/usage');
    const numbers = [...text.matchAll(/_tokens":(\d+)/g)].map(([, count]) => Number(count));
    expect(Math.max(...numbers)).toBeLessThan(200_000_000);
  });
}

/** H5: what is open at once. */
export function openStreams(scene: Scene): void {
  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    await Promise.all(open.map((each) => each.close()));
    open.length = 0;
  });

  const isOpen = (reader: SseReader) => reader.status === 200;

  async function feeds(person: Person, count: number): Promise<SseReader[]> {
    const { id } = await person.api.conversation();
    const readers = await Promise.all(Array.from({ length: count }, () => person.api.feed(id)));
    open.push(...readers);
    return readers;
  }

  it(`H5: beyond ${MAX_STREAMS} open streams of one identity, of whichever kind, there is 429 too_many_streams`, async () => {
    const { target } = scene();
    const person = await newcomer(target);
    const other = await newcomer(target);
    const sockets: unknown[] = [];
    for (let index = 0; index < 20; index++) {
      const socket = await SocketClient.open(target.url, { authorization: `Bearer ${person.access}` });
      open.push(socket);
      sockets.push(socket);
    }
    const readers = await feeds(person, MAX_STREAMS - 10);
    const refused = readers.filter((reader) => !isOpen(reader));
    expect([sockets.length, refused.length]).toEqual([20, 10]);
    expect(refused[0]?.status).toBe(429);
    expect((await refused[0].problem()).code).toBe('too_many_streams');
    const late = await SocketClient.open(target.url, { authorization: `Bearer ${person.access}` }).catch(
      (error: unknown) => error,
    );
    expect(late).toMatchObject({ status: 429, body: { code: 'too_many_streams' } });
    expect((await feeds(other, 2)).map(({ status }) => status)).toEqual([200, 200]);
    readers.find(isOpen)?.close();
    await sleep(500);
    expect((await feeds(person, 1))[0].status).toBe(200);
  }, 60_000);
}

/** M1, L6, L7: what is HTTP's own. */
export function http(scene: Scene): void {
  it('M1: a connection that is refused again and again is closed', async () => {
    const { target } = scene();
    const statuses: string[] = [];
    const wire = await Wire.open(target.url, '127.0.2.1', (status) => statuses.push(status));
    for (let block = 0; block < 20 && !wire.closed; block++) {
      await wire.send('GET /api/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(250));
      await sleep(100);
    }
    for (let wait = 0; wait < 50 && !wire.closed; wait++) await sleep(100);
    expect([wire.closed, statuses.length < 5_000]).toEqual([true, true]);
    wire.close();
  }, 30_000);

  it('L6: preflights count', async () => {
    const { target } = scene();
    const statuses = new Map<string, number>();
    const preflight = `OPTIONS /api/v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: ${PAGE}\r\nAccess-Control-Request-Method: GET\r\n\r\n`;
    const count = (status: string) => statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const answered = () => [...statuses.values()].reduce((sum, each) => sum + each, 0);
    // As many as a connection may have waiting.
    for (let sent = 0; sent < 4_000 && !statuses.has('429'); sent += 100) {
      const wire = await Wire.open(target.url, '127.0.2.2', count);
      await wire.send(preflight.repeat(100));
      for (let wait = 0; wait < 250 && !wire.closed && answered() < sent + 100; wait++) await sleep(10);
      wire.close();
    }
    expect([...statuses.keys()].toSorted()).toEqual(['204', '429']);
  }, 30_000);

  it.each([
    ['two Host fields', 'Host: localhost\r\nHost: evil.example\r\n', 400],
    ['two that are the same', 'Host: localhost\r\nHost: localhost\r\n', 400],
    ['two, one of them empty', 'Host: localhost\r\nhost:\r\n', 400],
    ['two names in one field', 'Host: localhost, evil.example\r\n', 400],
    ['an expectation that nobody knows', 'Host: localhost\r\nExpect: foo\r\n', 417],
  ])('L7: %s', async (_what, fields, status) => {
    const { target } = scene();
    const { authorization } = target.at.identity;
    const answer = await sendRaw(
      target.url,
      `GET /api/v1/models HTTP/1.1\r\n${fields}Authorization: ${authorization}\r\n\r\n`,
      { idleMs: 1_000 },
    );
    const { code, request_id } = JSON.parse(answer.body || '{}') as Partial<Problem>;
    expect([answer.status, answer.headers['content-type'], code, request_id]).toEqual([
      status,
      'application/problem+json',
      expect.any(String),
      answer.headers['x-request-id'],
    ]);
  });
}

/** L8: nothing of the production tree runs anything when it is installed. */
export function supplyChain(): void {
  it('L8: there is no install script among the packages of production', () => {
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean; devOptional?: boolean; hasInstallScript?: boolean }>;
    };
    const production = Object.entries(lock.packages).filter(([path, { dev }]) => path && !dev);
    const withScripts = production.filter(
      ([path, { hasInstallScript }]) => hasInstallScript || hasScript(join(ROOT, path, 'package.json')),
    );
    expect(production.length).toBeGreaterThan(100);
    expect(withScripts.map(([path]) => path)).toEqual([]);
  });
}

function hasScript(file: string): boolean {
  if (!existsSync(file)) return false;
  const { scripts = {} } = JSON.parse(readFileSync(file, 'utf8')) as { scripts?: Record<string, string> };
  return ['preinstall', 'install', 'postinstall'].some((name) => name in scripts);
}

/** L3 and M2 in the tables: the last of all, since the embedded database is asked when its process is gone. */
export function erasure(scene: Scene): void {
  it('L3: right after an account is erased, no row names it or has a text of it', async () => {
    const { target } = scene();
    const person = await newcomer(target);
    const { id } = await person.api.conversation({ title: 'canary-erased' });
    await person.api.post<Conversation>('/conversations', { title: 'canary-kept' }, key());
    await person.api.say(id, 'canary-said');
    await logIn(target.url, person.username);
    await person.api.post('/auth/reauthenticate', { current_password: PASSWORD });
    const erased = await person.api.delete(`/users/${person.id}`);
    expect([202, 204]).toContain(erased.status);
    if (erased.status === 202) await sleep(5_000);
    await target.kill();
    const dump = await target.dump();
    await target.start();
    const lines = dump
      .split('\n')
      .filter((line) => line.includes(person.id) || line.includes(person.username));
    expect(lines).toEqual([]);
    expect(dump.match(/canary[\w-]*/g) ?? []).toEqual([]);
  }, 60_000);
}
