import dns from 'node:dns';
import { setTimeout as sleep } from 'node:timers/promises';
import { OUTBOUND_BOUNDS } from '../../../src/config/bounds';
import { type Person, signUp } from '../../support/accounts';
import type { Answer, Problem } from '../../support/api-client';
import { reply } from '../../support/model-server/behaviours';
import { type NameAnswer, type NameServer, startNameServer } from '../../support/name-server';
import { useChatApp } from '../../support/use-chat-app';

/*
 * Names that users bring are answered by whoever they like, as slowly as they like. Nobody else may notice.
 */

const { lookupsOfUser } = OUTBOUND_BOUNDS;
/** Short of the second after which a question is repeated. */
const SLOW_MS = 700;

let names: NameServer;
let mallory: Person;
let alice: Person;

const t = useChatApp(
  async (model) => {
    names = await startNameServer(() => ['8.8.8.8']);
    return {
      // A name, so that it has to be looked up for each connection.
      OPENAI_BASE_URL: model.url.replace('127.0.0.1', 'localhost'),
      AUTH_MODE: 'token',
      PROVIDER_ALLOWED_HOSTS: `localhost:${model.port}`,
      PROVIDER_DNS_SERVERS: names.address,
    };
  },
  { own: 'has a name server of its own' },
);
const { model: operator } = t;
beforeAll(async () => {
  [mallory, alice] = [await signUp(t.url, 'mallory'), await signUp(t.url, 'alice')];
});
beforeEach(() => {
  names.answer = async (name) => {
    if (!name.includes('slow')) return ['8.8.8.8'];
    await sleep(SLOW_MS);
    return 'unknown';
  };
  operator.otherwise(reply('Hello.'));
});
afterAll(() => names.close());

const many = (count: number) => Array.from({ length: count }, (_, index) => index);
const bring = (person: Person, name: string, host: string) =>
  person.api.post<Problem & { id: string }>('/providers', {
    name,
    base_url: host.startsWith('http') ? host : `https://${host}/v1`,
    api_key: 'sk-0123456789',
    models: ['gpt'],
  });

it("one user's slow names delay neither the operator's models nor other users' names", async () => {
  const systemLookups = vi.spyOn(dns, 'lookup');
  const promisedLookups = vi.spyOn(dns.promises, 'lookup');
  const watched = names.watch(/slow/);
  const calm = new AbortController();
  const answers: Answer<Problem>[] = [];
  const attack = async (lane: number) => {
    for (let i = 0; !calm.signal.aborted; i += 1)
      answers.push(await bring(mallory, `p${lane}`, `slow${lane}-${i}.attacker.example`));
  };
  const lanes = many(40).map(attack);
  while (watched.most() < lookupsOfUser.limit) await sleep(10);
  const { id } = await alice.api.conversation();
  for (const turn of many(5)) {
    const { response } = await alice.api.say(id, `Turn ${turn}`);
    expect(response).toBe('Hello.');
  }
  const hers = await bring(alice, 'hers', 'api.honest.example');
  const ollama = await bring(alice, 'ollama', operator.url.replace('127.0.0.1', 'localhost'));
  expect([hers.status, ollama.status]).toEqual([201, 201]);
  calm.abort();
  await Promise.all(lanes);

  expect(watched.most()).toBe(lookupsOfUser.limit);
  const kinds = new Set(answers.map(({ status, body }) => `${status} ${body.code}`));
  expect(kinds).toEqual(new Set(['400 url_not_allowed', '429 too_many_lookups']));
  const refused = answers.find(({ status }) => status === 429);
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
  // What getaddrinfo is asked for waits with everybody's names in the four threads of the process.
  const asked = [...systemLookups.mock.calls, ...promisedLookups.mock.calls].map(([name]) => name);
  expect(asked.filter((name) => name.endsWith('.example'))).toEqual([]);
  expect(asked).toContain('localhost');
  expect(names.questions.some(({ name }) => name === 'localhost')).toBe(false);
  vi.restoreAllMocks();
}, 60_000);

it('names are looked up few at once for turns and checks, too, per user', async () => {
  const people = [mallory, alice];
  const mine = await Promise.all(
    people.map(async (person, user) => {
      const ids: string[] = [];
      for (const index of many(6)) {
        const made = await bring(person, `t${index}`, `t${index}.user${user}.example`);
        ids.push(made.body.id);
      }
      return ids;
    }),
  );
  names.answer = async (): Promise<NameAnswer> => {
    await sleep(SLOW_MS);
    return 'unknown';
  };
  const both = names.watch(/./);
  const each = [names.watch(/user0/), names.watch(/user1/)];
  const turns = people.flatMap((person) =>
    many(6).map(async (index) => {
      const { id } = await person.api.conversation({ model: `t${index}/gpt` });
      return person.api.post(`/chat/${id}`, { content: 'Hello' });
    }),
  );
  for (const answer of await Promise.all(turns))
    expect([answer.status, answer.body.code]).toEqual([502, 'provider_unreachable']);
  const checks = people.flatMap((person, user) =>
    mine[user].map((id) => person.api.post(`/providers/${id}/check`)),
  );
  for (const answer of await Promise.all(checks)) expect(answer.body).toMatchObject({ code: 'unreachable' });
  expect(each.map((watched) => watched.most())).toEqual([lookupsOfUser.limit, lookupsOfUser.limit]);
  expect(both.most()).toBeGreaterThan(lookupsOfUser.limit);
  expect(both.most()).toBeLessThanOrEqual(2 * lookupsOfUser.limit);
}, 60_000);

it('more checks at once than may wait are told so', async () => {
  const ids: string[] = [];
  names.answer = () => ['8.8.8.8'];
  for (const index of many(20)) ids.push((await bring(mallory, `c${index}`, `c${index}.example`)).body.id);
  const refused = Promise.withResolvers<void>();
  names.answer = async (): Promise<NameAnswer> => {
    await refused.promise;
    return 'unknown';
  };
  const answers = await Promise.all(
    ids.map(async (id) => {
      const answer = await mallory.api.post(`/providers/${id}/check`);
      if (answer.status === 429) refused.resolve();
      return answer;
    }),
  );
  const kinds = new Set(answers.map(({ status, body }) => `${status} ${body.code}`));
  expect(kinds).toEqual(new Set(['200 unreachable', '429 too_many_lookups']));
}, 60_000);

it('a name that comes to mean this machine is not called', async () => {
  const { port } = operator;
  const made = await bring(alice, 'rebound', 'rebound.example:8443');
  expect(made.status).toBe(201);
  names.answer = () => ['127.0.0.1'];
  const calls = operator.requests.length;
  const { id } = await alice.api.conversation({ model: 'rebound/gpt' });
  const answer = await alice.api.post(`/chat/${id}`, { content: 'Hello' });
  expect([answer.status, answer.body.code]).toEqual([502, 'provider_unreachable']);
  expect((await alice.api.post(`/providers/${made.body.id}/check`)).body).toMatchObject({
    code: 'unreachable',
  });
  const again = await bring(alice, 'again', `https://rebound.example/${port}`);
  expect([again.status, again.body.errors]).toEqual([
    400,
    [{ path: 'base_url', message: 'must be a public address' }],
  ]);
  expect(operator.requests.length).toBe(calls);
});

it('a name that is not resolved in time is refused as such', async () => {
  names.answer = () => 'silence';
  const answer = await bring(alice, 'silent', 'silent.example');
  expect([answer.status, answer.body.code, answer.body.errors]).toEqual([
    400,
    'url_not_allowed',
    [{ path: 'base_url', message: 'must have a host name that is resolved within 3 s' }],
  ]);
}, 30_000);
