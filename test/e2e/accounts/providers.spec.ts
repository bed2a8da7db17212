import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DataSource } from 'typeorm';
import { AppConfig } from '../../../src/config/app-config';
import { parseAppConfig } from '../../../src/config/environment';
import { TransactionRunner } from '../../../src/database/transaction-runner';
import { KeyCipher } from '../../../src/providers/key-cipher';
import { KeyRotation } from '../../../src/providers/key-rotation';
import { ProvidersRepository } from '../../../src/providers/providers.repository';
import { type Person, signUp } from '../../support/accounts';
import { createTestApp } from '../../support/create-test-app';
import { type ModelServer, startModelServer } from '../../support/model-server';
import { failure, redirect, reply } from '../../support/model-server/behaviours';
import { useChatApp } from '../../support/use-chat-app';

interface ProviderBody {
  id: string;
  name: string;
  base_url: string;
  key_last4: string;
  models: string[];
}

const MASTER = randomBytes(32).toString('base64');
const KEY = 'sk-canary-of-alice-4711';

let own: ModelServer;
let alice: Person;
let bob: Person;
let env: NodeJS.ProcessEnv;

const t = useChatApp(
  async (operator) => {
    own = await startModelServer();
    env = {
      ...operator.env,
      AUTH_MODE: 'token',
      ENCRYPTION_KEY: MASTER,
      PROVIDER_ALLOWED_HOSTS: new URL(own.url).host,
      LLM_MAX_RETRIES: '0',
    };
    return env;
  },
  { own: 'has accounts whose names others use, and counts providers' },
);
const { model: operator } = t;
beforeAll(async () => {
  [alice, bob] = [await signUp(t.url, 'alice'), await signUp(t.url, 'bob')];
});
beforeEach(() => {
  own.reset();
  own.otherwise(reply('Own.'));
  operator.otherwise(reply('Operator.'));
});
afterAll(() => own.close());

const body = (more: object = {}) => ({
  name: 'mine',
  base_url: own.url,
  api_key: KEY,
  models: ['gpt', 'a/b:c'],
  ...more,
});
const rows = <T>(sql: string, values: unknown[] = []) => t.app.get(DataSource).query<T[]>(sql, values);

async function provider(person: Person, more: object = {}): Promise<ProviderBody> {
  const answer = await person.api.post<ProviderBody>('/providers', body(more));
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body;
}

describe("a user's own provider", () => {
  let mine: ProviderBody;
  beforeAll(async () => {
    mine = await provider(alice);
  });

  it('is shown without its key, and stored without it', async () => {
    expect(mine).toMatchObject({ name: 'mine', base_url: own.url.replace(/\/$/, ''), key_last4: '4711' });
    for (const path of ['/providers', `/providers/${mine.id}`]) {
      const { status, text } = await alice.api.get(path);
      expect([status, text.includes(KEY), /ciphertext|nonce|key_id/.test(text)]).toEqual([200, false, false]);
    }
    const dump = JSON.stringify(await rows('SELECT p::text FROM providers p'));
    expect(dump).not.toContain(KEY);
    expect(dump).not.toContain(Buffer.from(KEY).toString('hex'));
  });

  it('answers its user', async () => {
    const models = await alice.api.get<{ data: { id: string; provider: string }[] }>('/models');
    expect(models.body.data.map(({ id }) => id)).toEqual(['test-model', 'mine/gpt', 'mine/a/b:c']);
    expect(models.body.data[1]).toMatchObject({
      name: 'mine/gpt',
      description: null,
      inputs: ['text'],
      reasoning: false,
    });
    const { id } = await alice.api.conversation({ model: 'mine/gpt' });
    const { message, response } = await alice.api.say(id, 'Hello');
    expect([response, message.model, message.provider]).toEqual(['Own.', 'mine/gpt', 'mine']);
    const [request] = own.requests;
    expect(request.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(request.body).toMatchObject({ model: 'gpt' });
  });

  it('is there for nobody else', async () => {
    const calls = own.requests.length;
    expect((await bob.api.get<{ data: { id: string }[] }>('/models')).body.data.map(({ id }) => id)).toEqual([
      'test-model',
    ]);
    const { id } = await bob.api.conversation();
    for (const answer of [
      await bob.api.post('/conversations', { model: 'mine/gpt' }),
      await bob.api.post(`/chat/${id}`, { content: 'Hi', model: 'mine/gpt' }),
      await bob.api.post('/chat', { content: 'Hi', model: 'mine/gpt' }),
    ])
      expect([answer.status, answer.body.code]).toEqual([400, 'model_not_found']);
    for (const answer of [
      await bob.api.get(`/providers/${mine.id}`),
      await bob.api.patch(`/providers/${mine.id}`, { base_url: own.url }),
      await bob.api.post(`/providers/${mine.id}/check`),
      await bob.api.delete(`/providers/${mine.id}`),
    ])
      expect([answer.status, answer.body.code]).toEqual([404, 'provider_not_found']);
    expect((await bob.api.get<{ data: object[] }>('/providers')).body.data).toEqual([]);
    await provider(bob, { api_key: 'sk-key-of-bob-0815' });
    await bob.api.say((await bob.api.conversation({ model: 'mine/gpt' })).id, 'Hello');
    const seen = own.requests.slice(calls).map(({ headers }) => headers.authorization);
    expect(seen).toEqual(['Bearer sk-key-of-bob-0815']);
  });

  it('tells nothing of its key when it fails', async () => {
    own.script(
      failure(401, { error: { message: `Incorrect API key provided: ${KEY}`, code: 'invalid_api_key' } }),
    );
    const { id } = await alice.api.conversation({ model: 'mine/gpt' });
    const answer = await alice.api.post(`/chat/${id}`, { content: 'Hello' });
    expect([answer.status, answer.body.code]).toEqual([502, 'provider_auth_failed']);
    expect(answer.text).not.toContain(KEY);
    expect(JSON.stringify(await rows('SELECT m::text FROM messages m'))).not.toContain(KEY);
  });

  it('is not followed where it sends us', async () => {
    let hits = 0;
    const inner = createServer((_request, response) => {
      hits += 1;
      response.end();
    });
    await new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve));
    const { port } = inner.address() as AddressInfo;
    for (const code of [301, 302, 303, 307, 308]) {
      own.script(redirect(`http://127.0.0.1:${port}/`, code));
      const { id } = await alice.api.conversation({ model: 'mine/gpt' });
      expect((await alice.api.post(`/chat/${id}`, { content: 'Hello' })).status).toBe(502);
    }
    inner.close();
    expect(hits).toBe(0);
  });

  it('is changed in part, and takes effect with the next turn', async () => {
    const changed = await alice.api.patch<ProviderBody>(`/providers/${mine.id}`, {
      api_key: 'sk-another-key-9999',
    });
    expect([changed.status, changed.body.key_last4, changed.body.models]).toEqual([
      200,
      '9999',
      ['gpt', 'a/b:c'],
    ]);
    const { id } = await alice.api.conversation({ model: 'mine/gpt' });
    await alice.api.say(id, 'Hello');
    expect(own.requests.at(-1)?.headers.authorization).toBe('Bearer sk-another-key-9999');
    await alice.api.patch(`/providers/${mine.id}`, { api_key: KEY });
  });

  it('has a name of its own', async () => {
    const again = await alice.api.post('/providers', body());
    expect([again.status, again.body.code]).toEqual([409, 'provider_name_taken']);
    const other = await provider(alice, { name: 'other' });
    expect((await alice.api.patch(`/providers/${other.id}`, { name: 'mine' })).status).toBe(409);
    expect((await alice.api.delete(`/providers/${other.id}`)).status).toBe(204);
  });

  it.each([
    [{ name: 'a/b' }],
    [{ name: '' }],
    [{ name: '..' }],
    [{ name: 'x'.repeat(41) }],
    [{ api_key: 'short' }],
    [{ api_key: 'with space inside' }],
    [{ models: ['a b'] }],
    [{ models: ['a\nb'] }],
    [{ models: ['x'.repeat(10_000)] }],
    [{ models: 'gpt' }],
    [{ user_id: 'x' }],
    [{ key_id: 'x' }],
    [{ ciphertext: 'x' }],
  ])('is not made with %j', async (more) => {
    expect((await alice.api.post('/providers', body({ name: 'refused', ...more }))).status).toBe(400);
  });

  it('is made once for one Idempotency-Key', async () => {
    const fields = body({ name: 'once' });
    const make = (changes: object = {}) =>
      alice.api.post<ProviderBody>(
        '/providers',
        { ...fields, ...changes },
        { 'Idempotency-Key': 'make-once' },
      );
    const [first, second] = await Promise.all([make(), make()]);
    expect([first.status, second.status, second.body]).toEqual([201, 201, first.body]);
    expect((await make({ api_key: 'sk-something-else' })).status).toBe(422);
    expect((await alice.api.delete(`/providers/${first.body.id}`)).status).toBe(204);
  });

  it('comes before a model of the operator with the same id', async () => {
    const app = await createTestApp({ env: { ...env, OPENAI_MODEL: 'shared/gpt' } });
    const [erin, fred] = [await signUp(app.url, 'erin'), await signUp(app.url, 'fred')];
    await provider(erin, { name: 'shared', models: ['gpt'] });
    const asked: unknown[] = [];
    for (const { api } of [erin, fred]) {
      const { data } = (await api.get<{ data: { id: string }[] }>('/models')).body;
      expect(data.map(({ id }) => id)).toEqual(['shared/gpt']);
      const before = [own.requests.length, operator.requests.length];
      await api.say((await api.conversation({ model: 'shared/gpt' })).id, 'Hello');
      asked.push([own.requests.length - before[0], operator.requests.length - before[1]]);
    }
    expect(asked).toEqual([
      [1, 0],
      [0, 1],
    ]);
    await app.close();
  }, 30_000);

  it('is one of fifty at most, also when they are made all at once', async () => {
    const dora = await signUp(t.url, 'dora');
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => dora.api.post('/providers', body({ name: `p${index}` }))),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect([count(201), count(409)]).toEqual([50, 10]);
  }, 60_000);

  it('says whether it works, and which models it has', async () => {
    const server = await listModels(
      200,
      JSON.stringify({ data: [{ id: 'one' }, { id: 'two' }, { id: 5 }, { id: 'a b' }, null] }),
    );
    const app = await createTestApp({ env: { ...env, PROVIDER_ALLOWED_HOSTS: '127.0.0.1' } });
    const carol = await signUp(app.url, 'carol');
    const created = await carol.api.post<ProviderBody>(
      '/providers',
      body({ base_url: urlOf(server), models: undefined }),
    );
    const check = () => carol.api.post(`/providers/${created.body.id}/check`);
    const results = expect.any(Array);
    expect((await check()).body).toEqual({ ok: true, code: 'ok', models: ['one', 'two'], results });
    expect((await carol.api.get<ProviderBody>(`/providers/${created.body.id}`)).body.models).toEqual([
      'one',
      'two',
    ]);
    for (const [status, text, code] of [
      [401, KEY, 'auth_failed'],
      [500, KEY, 'refused'],
      [302, '', 'refused'],
      [200, '<html>internal banner</html>', 'invalid_response'],
      [200, '{"data":5}', 'invalid_response'],
      [200, `[${'1,'.repeat(2_000_000)}1]`, 'invalid_response'],
    ] as const) {
      answers.set(server, { status, text });
      const answer = await check();
      expect(answer.body).toEqual({ ok: false, code, models: [], results });
      expect(answer.text).not.toMatch(new RegExp(`${KEY}|internal banner`));
    }
    server.close();
    server.closeAllConnections();
    expect((await check()).body).toMatchObject({ ok: false, code: 'unreachable' });
    await app.close();
  }, 30_000);
});

const answers = new WeakMap<Server, { status: number; text: string }>();

async function listModels(status: number, text: string): Promise<Server> {
  const server: Server = createServer((_request, response) => {
    const answer = answers.get(server) ?? { status, text };
    response.writeHead(answer.status, { location: 'http://127.0.0.1:1/' }).end(answer.text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

describe('addresses', () => {
  it.each([
    'http://127.0.0.1/v1',
    'https://127.0.0.1/v1',
    'https://127.1/',
    'https://0/',
    'https://0.0.0.0/',
    'https://[::]/',
    'https://[::1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://017700000001/',
    'https://１２７.0.0.1/',
    'https://localhost/',
    'https://localhost./',
    'https://a.localhost/',
    'https://10.1.2.3/',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://[fd00:ec2::254]/',
    'https://[fe80::1]/',
    'https://100.64.0.1/',
    'https://192.0.0.1/',
    'https://198.18.0.1/',
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://[2002:7f00:1::]/',
    'https://[ff02::1]/',
    'https://metadata.google.internal/',
    'http://8.8.8.8/v1',
    'file:///etc/passwd',
    'ftp://8.8.8.8/',
    'gopher://8.8.8.8/',
    'data:text/plain,x',
    'blob:https://8.8.8.8/x',
    'jar:https://8.8.8.8!/',
    'http+unix://%2Fvar%2Frun%2Fdocker.sock/',
    'unix:/var/run/docker.sock',
    'javascript:alert(1)',
    'https://user:pass@8.8.8.8/',
    'https://8.8.8.8\\@127.0.0.1/',
    'https://8.8.8.8#@127.0.0.1/',
    'https://8.8.8.8?x=@127.0.0.1/',
    'https://8.8.8.8/\t',
    'https://8.8.\n8.8/',
    'https://8.8.8.8:22/',
    'https://8.8.8.8:25/',
    'https://8.8.8.8:5432/',
    'https://8.8.8.8:6379/',
    'https://8.8.8.8:11211/',
    `https://8.8.8.8/${'x'.repeat(3000)}`,
    'https://',
    '//8.8.8.8/',
    '8.8.8.8',
  ])('are not taken: %s', async (base_url) => {
    const { status, body: problem } = await alice.api.post('/providers', body({ name: 'ssrf', base_url }));
    expect([status, /url_not_allowed|validation_failed/.test(problem.code)]).toEqual([400, true]);
    const mine = (await alice.api.get<{ data: ProviderBody[] }>('/providers')).body.data[0];
    expect((await alice.api.patch(`/providers/${mine.id}`, { base_url })).status).toBe(400);
  });

  it('are taken if they are public', async () => {
    const { status, body: made } = await alice.api.post<ProviderBody>(
      '/providers',
      body({ name: 'public', base_url: 'https://8.8.8.8/v1/' }),
    );
    expect([status, made.base_url]).toEqual([201, 'https://8.8.8.8/v1']);
    await alice.api.delete(`/providers/${made.id}`);
  });

  it('that were allowed once are checked again when they are called', async () => {
    const { id } = await provider(alice, { name: 'later' });
    const base_url = operator.url.replace('127.0.0.1', 'localhost');
    const place = { userId: alice.id, id, origin: new URL(base_url).origin };
    const { nonce, ciphertext } = t.app.get(KeyCipher, { strict: false }).seal(KEY, place);
    await rows(
      'UPDATE providers SET base_url = $2, nonce = $3, ciphertext = $4, version = version + 1 WHERE id = $1',
      [id, base_url, nonce, ciphertext],
    );
    const calls = operator.requests.length;
    const conversation = await alice.api.conversation({ model: 'later/gpt' });
    const answer = await alice.api.post(`/chat/${conversation.id}`, { content: 'Hello' });
    expect([answer.status, answer.body.code]).toEqual([502, 'provider_unreachable']);
    expect(operator.requests.length).toBe(calls);
    await alice.api.delete(`/providers/${id}`);
  });
});

describe('another address', () => {
  const patch = async (id: string, fields: object) => {
    const { status, body: problem, text } = await alice.api.patch(`/providers/${id}`, fields);
    if (text.includes(KEY)) throw new Error('The key is shown.');
    return { status, code: problem.code, errors: problem.errors?.map(({ path }) => path) };
  };
  const required = { status: 400, code: 'api_key_required', errors: ['api_key'] };
  let mine: ProviderBody;
  beforeAll(async () => {
    mine = await provider(alice, { name: 'bound' });
  });
  afterAll(() => alice.api.delete(`/providers/${mine.id}`));

  it.each(['port', 'host', 'scheme'])('of another %s is not taken without the key', async (part) => {
    const other = {
      port: own.url.replace(String(own.port), '9'),
      host: own.url.replace('127.0.0.1', 'localhost'),
      scheme: own.url.replace('http:', 'https:'),
    }[part];
    expect(await patch(mine.id, { base_url: other })).toEqual(required);
    expect(await patch(mine.id, { base_url: 'https://8.8.8.8/v1', name: 'bound' })).toEqual(required);
    const { base_url } = (await alice.api.get<ProviderBody>(`/providers/${mine.id}`)).body;
    expect(base_url).toBe(mine.base_url);
  });

  it('with another path only is taken, and gets the key', async () => {
    expect(await patch(mine.id, { base_url: own.url.replace('/v1', '/v2') })).toMatchObject({ status: 200 });
    expect(await patch(mine.id, { base_url: own.url })).toMatchObject({ status: 200 });
    await alice.api.say((await alice.api.conversation({ model: 'bound/gpt' })).id, 'Hello');
    expect(own.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  it('gets the key that comes with it, and no other', async () => {
    const app = await createTestApp({ env: { ...env, PROVIDER_ALLOWED_HOSTS: '127.0.0.1' } });
    const carol = await signUp(app.url, 'carol');
    const { id } = await provider(carol, { name: 'moved' });
    const moved = await carol.api.patch<ProviderBody>(`/providers/${id}`, {
      base_url: operator.url,
      api_key: 'sk-for-the-other-one',
    });
    expect([moved.status, moved.body.key_last4]).toEqual([200, '-one']);
    await carol.api.say((await carol.api.conversation({ model: 'moved/gpt' })).id, 'Hello');
    expect(operator.requests.at(-1)?.headers.authorization).toBe('Bearer sk-for-the-other-one');
    await app.close();
  }, 30_000);

  it('opens no key, whoever has written it into the row, not even of two changes at once', async () => {
    const calls = operator.requests.length;
    await rows('UPDATE providers SET base_url = $2, version = version + 1 WHERE id = $1', [
      mine.id,
      operator.url,
    ]);
    const check = await alice.api.post(`/providers/${mine.id}/check`);
    expect([check.status, check.body.code]).toEqual([409, 'key_unreadable']);
    expect(operator.requests.length).toBe(calls);
    await alice.api.patch(`/providers/${mine.id}`, { base_url: own.url, api_key: KEY });
    const changes = Array.from({ length: 20 }, (_, i) =>
      i % 2
        ? { base_url: `${own.url}/${i}` }
        : { base_url: `http://127.0.0.1:${i % 4 ? own.port : 9}/v1`, api_key: `sk-key-number-${i}` },
    );
    await Promise.all(changes.map((change) => alice.api.patch(`/providers/${mine.id}`, change)));
    const after = await alice.api.post(`/providers/${mine.id}/check`);
    expect(after.status).toBe(200);
    await alice.api.patch(`/providers/${mine.id}`, { base_url: own.url, api_key: KEY });
  });
});

describe('keys at rest', () => {
  /** As they were sealed when user and row were all that a key was bound to. */
  async function sealAsBefore(id: string, userId: string, secret: string): Promise<void> {
    const master = Buffer.from(MASTER, 'base64');
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', master, nonce).setAAD(
      Buffer.from(JSON.stringify(['provider', userId, id])),
    );
    const sealed = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    const key_id = createHash('sha256').update(master).digest('hex').slice(0, 12);
    await rows(
      'UPDATE providers SET key_id = $2, nonce = $3, ciphertext = $4, version = version + 1 WHERE id = $1',
      [id, key_id, nonce, sealed],
    );
  }

  it('of before are opened, go nowhere else by a change, and are bound to their origin by a rotation', async () => {
    const { id } = await provider(alice, { name: 'older' });
    await sealAsBefore(id, alice.id, KEY);
    await alice.api.say((await alice.api.conversation({ model: 'older/gpt' })).id, 'Hello');
    expect(own.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
    const moved = await alice.api.patch(`/providers/${id}`, { base_url: operator.url });
    expect([moved.status, moved.body.code]).toEqual([400, 'api_key_required']);
    // What was bound to less cannot pass for what is bound to more, nor the other way round.
    const flip = (suffix: string) =>
      rows(`UPDATE providers SET key_id = left(key_id, 12) || $2, version = version + 1 WHERE id = $1`, [
        id,
        suffix,
      ]);
    await flip('.2');
    expect((await alice.api.post(`/providers/${id}/check`)).body.code).toBe('key_unreadable');
    await flip('');
    const rotation = t.app.get(KeyRotation, { strict: false });
    expect(await rotation.run()).toEqual({ resealed: 1, unreadable: 0 });
    expect(await rotation.run()).toEqual({ resealed: 0, unreadable: 0 });
    await alice.api.say((await alice.api.conversation({ model: 'older/gpt' })).id, 'Hello');
    expect(own.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
    await flip('');
    expect((await alice.api.post(`/providers/${id}/check`)).body.code).toBe('key_unreadable');
    await alice.api.delete(`/providers/${id}`);
  });

  const unreadable = async (person: Person, name: string) => {
    const { id } = await person.api.conversation();
    const { status, body: problem } = await person.api.post(`/chat/${id}`, {
      content: 'Hi',
      model: `${name}/gpt`,
    });
    return [status, problem.code];
  };

  it('open only for their user and row, unchanged', async () => {
    const calls = own.requests.length;
    const [hers, his] = [
      await provider(alice, { name: 'swap' }),
      await provider(bob, { name: 'swap', api_key: 'sk-bobs-own-key' }),
    ];
    const hersToo = await provider(alice, { name: 'swap2', api_key: 'sk-alices-other-key' });
    const copy = (from: string, to: string) =>
      rows(
        `UPDATE providers p SET ciphertext = o.ciphertext, nonce = o.nonce, version = p.version + 1 FROM providers o
         WHERE o.id = $1 AND p.id = $2`,
        [from, to],
      );
    await copy(his.id, hers.id);
    expect(await unreadable(alice, 'swap')).toEqual([409, 'key_unreadable']);
    await copy(hersToo.id, hers.id);
    expect(await unreadable(alice, 'swap')).toEqual([409, 'key_unreadable']);
    await rows(
      `UPDATE providers SET ciphertext = set_byte(ciphertext, 3, get_byte(ciphertext, 3) # 1), version = version + 1 WHERE id = $1`,
      [his.id],
    );
    expect(await unreadable(bob, 'swap')).toEqual([409, 'key_unreadable']);
    expect((await bob.api.post(`/providers/${his.id}/check`)).body.code).toBe('key_unreadable');
    expect(own.requests.length).toBe(calls);
  });

  it('never use a nonce twice', () => {
    const cipher = t.app.get(KeyCipher, { strict: false });
    const nonces = new Set<string>();
    const place = { userId: 'alice', id: 'x', origin: 'https://api.example' };
    for (let i = 0; i < 100_000; i += 1) nonces.add(cipher.seal('x', place).nonce.toString('latin1'));
    expect(nonces.size).toBe(100_000);
  });

  it('are sealed anew by a rotation, which loses none and can be repeated', async () => {
    await rows('DELETE FROM providers');
    for (let i = 0; i < 50; i += 1)
      await provider(alice, { name: `p${i}`, api_key: `sk-secret-number-${i}` });
    for (let i = 0; i < 50; i += 1) await provider(bob, { name: `p${i}`, api_key: `sk-secret-of-bob-${i}` });
    const next = randomBytes(32).toString('base64');
    const cipherWith = (keys: NodeJS.ProcessEnv) => new KeyCipher(parseAppConfig({ ...keys }, false));
    const db = t.app.get(TransactionRunner);
    const repository = t.app.get(ProvidersRepository, { strict: false });
    const rotated = cipherWith({ ENCRYPTION_KEY: next, ENCRYPTION_KEYS_PREVIOUS: MASTER });
    const rotation = new KeyRotation(db, repository, rotated);
    expect(await rotation.run()).toEqual({ resealed: 100, unreadable: 0 });
    expect(await rotation.run()).toEqual({ resealed: 0, unreadable: 0 });
    const alone = cipherWith({ ENCRYPTION_KEY: next });
    const sealed = await rows<{
      id: string;
      user_id: string;
      key_id: string;
      nonce: Buffer;
      ciphertext: Buffer;
      name: string;
      base_url: string;
    }>('SELECT * FROM providers');
    for (const row of sealed) {
      const secret = alone.open(row, {
        userId: row.user_id,
        id: row.id,
        origin: new URL(row.base_url).origin,
      });
      expect(secret).toBe(`sk-secret-${row.user_id === alice.id ? 'number' : 'of-bob'}-${row.name.slice(1)}`);
    }
    const stranger = new KeyRotation(db, repository, cipherWith({ ENCRYPTION_KEY: MASTER }));
    expect(await stranger.run()).toEqual({ resealed: 0, unreadable: 100 });
    expect(await unreadable(alice, 'p1')).toEqual([409, 'key_unreadable']);
  }, 60_000);
});

it('without a master key nobody brings a provider', async () => {
  const app = await createTestApp({ env: { ENCRYPTION_KEY: '' } });
  const config = app.app.get(AppConfig);
  const answer = await app
    .as('alice')
    .post('/api/v1/providers')
    .send(body({ base_url: 'https://8.8.8.8/v1' }));
  expect([config.ownProviders.encryptionKeys, answer.status, answer.body.code]).toEqual([
    [],
    403,
    'own_providers_disabled',
  ]);
  await app.close();
});
