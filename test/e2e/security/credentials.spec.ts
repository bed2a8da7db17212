import { ApiKeyUsageRecorder } from '../../../src/auth/keys/api-key-usage-recorder';
import { ApiKeysService } from '../../../src/auth/keys/api-keys.service';
import { SCOPES } from '../../../src/auth/identity';
import { AccountSender } from '../../support/account-sender';
import { ApiDescription } from '../../support/api-description';
import {
  as,
  CASES,
  essence,
  gapsOfMatrix,
  idsOf,
  isStreamRoute,
  type MatrixCase,
  missingStatus,
  requestOf,
  titleOf,
  unknownId,
  type Values,
} from '../../support/authorisation-matrix';
import { type Belongings, newPerson } from '../../support/belongings';
import { databaseFingerprint } from '../../support/database-fingerprint';
import { type Answer, call, type Call } from '../../support/http-call';
import { invalidCredentials } from '../../support/invalid-credentials';
import { echo } from '../../support/model-server/behaviours';
import { useChatApp } from '../../support/use-chat-app';

/*
 * Every route × every id that it takes × who asks × how the credential is given, where the service keeps accounts of its own.
 */

const SECRET = 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e';

let api: ApiDescription;
let accounts: AccountSender;
let cells = 0;

const send = (request: Call): Promise<Answer> => accounts.send(request);
const newAccount = (role?: 'admin') => accounts.newAccount(role);
const inner = <T>(type: abstract new (...args: never[]) => T): T =>
  t.app.get(type as never, { strict: false });

const person = async () => newPerson(send, await newAccount());
const tokenOf = (user: string) => accounts.tokenOf(user);
const withToken = (token: string, request: Call): Call => ({
  ...request,
  headers: { ...request.headers, authorization: `Bearer ${token}` },
});

/** What no longer lets anybody in, or never did. */
let invalid: Record<string, string>;
let admin: string;
/** The data of this one is what everybody is after. */
let alice: Belongings;
let bob: Belongings;

const t = useChatApp(
  { AUTH_MODE: 'token', JWT_SECRET: SECRET, PAGE: 'off' },
  { own: 'compares all rows before and after' },
);
const { model } = t;
beforeAll(async () => {
  model.otherwise(echo());
  accounts = new AccountSender(t);
  api = await ApiDescription.of(t);
  admin = await newAccount('admin');
  // Otherwise nobody could be locked out or erased who is the only one.
  await newAccount('admin');
  [alice, bob] = [await person(), await person()];
  // It writes at a time of its own, which may be while rows are compared.
  vi.spyOn(inner(ApiKeyUsageRecorder), 'note').mockReturnValue();
  invalid = await invalidCredentials(t, accounts, alice.user, SECRET);
});

/** Ways to give a credential that might be mistaken for a good one. */
const CHANNELS: Record<string, (token: string, request: Call) => Call> = {
  'as Bearer': withToken,
  'as bearer': (token, request) => ({
    ...request,
    headers: { ...request.headers, authorization: `bearer ${token}` },
  }),
};
/** And ways in which not even a good one is taken. */
const WRONG_CHANNELS: Record<string, (token: string, request: Call) => Call> = {
  'without a scheme': header('authorization'),
  'as Basic': (token, request) => header('authorization')(`Basic ${token}`, request),
  'as Token': (token, request) => header('authorization')(`Token ${token}`, request),
  'in X-User-ID': header('x-user-id-of-client'),
  'in X-API-Key': header('x-api-key'),
  'in X-Access-Token': header('x-access-token'),
  'in a cookie': (token, request) => header('cookie')(`access_token=${token}; token=${token}`, request),
  'in ?access_token': query('access_token'),
  'in ?token': query('token'),
  'in ?api_key': query('api_key'),
  'in ?ticket': query('ticket'),
  'in ?user_id': query('user_id'),
};

function header(name: string) {
  return (token: string, request: Call): Call => ({
    ...request,
    headers: { ...request.headers, [name]: token },
  });
}

function query(name: string) {
  return (token: string, request: Call): Call => ({ ...request, query: { ...request.query, [name]: token } });
}

async function cell(who: string, request: Call, expected: number): Promise<Answer> {
  cells += 1;
  // The helpers' own header is translated; a client's is sent as it is.
  const { 'x-user-id-of-client': claimed, ...headers } = request.headers ?? {};
  const answer = await call(t.url, {
    ...request,
    headers: { ...headers, ...(claimed && { 'x-user-id': claimed }) },
  });
  const text = answer.status === expected || answer.text;
  expect({ who, status: answer.status, text }).toEqual({ who, status: expected, text: true });
  return answer;
}

async function withoutEffect(attempt: () => Promise<void>): Promise<void> {
  const before = { rows: await databaseFingerprint(t), calls: model.requests.length };
  await attempt();
  expect({ rows: await databaseFingerprint(t), calls: model.requests.length }).toEqual(before);
}

function expectNoTrace({ canary, conversation }: Belongings, { text }: Answer, request: Call): void {
  const asked = JSON.stringify(request);
  for (const trace of [canary, conversation]) if (!asked.includes(trace)) expect(text).not.toContain(trace);
}

/** A case as it is where there are accounts. */
const ownerStatus = ({ account, owner }: MatrixCase) => account ?? owner;
/** What a key needs for it, from the document; undefined for what is not for keys. */
function scopeOf({ route }: MatrixCase): string | undefined {
  const [method, path] = route.split(' ');
  const documented = JSON.stringify(api.find(method, path)?.responses['403'] ?? {});
  return /needs the scope ([a-z]+:[a-z]+)/.exec(documented)?.[1];
}

it('knows every route and every id', () => {
  expect(gapsOfMatrix(t, api)).toEqual([]);
});

describe.each(CASES.map((each) => [titleOf(each), each] as const))('%s', (_title, each) => {
  let hers: Values;
  let his: Values;
  beforeAll(async () => {
    [hers, his] = [await idsOf(alice, each, send), await idsOf(bob, each, send)];
  });

  it('is closed to whatever is not valid, however it is given', () =>
    withoutEffect(async () => {
      const request = requestOf(each, hers);
      const { headers } = await cell('nobody', request, 401);
      expect(headers['www-authenticate']).toBe('Bearer realm="parley"');
      for (const [name, token] of Object.entries(invalid)) {
        for (const [channel, give] of Object.entries(CHANNELS)) {
          const answer = await cell(`${name} ${channel}`, give(token, request), 401);
          expectNoTrace(alice, answer, request);
        }
      }
      for (const [channel, give] of Object.entries(WRONG_CHANNELS)) {
        const given = give(tokenOf(alice.user), request);
        await cell(`her own token ${channel}`, given, 401);
        await cell(`garbage and her token ${channel}`, withToken('garbage', given), 401);
        await cell(`a deleted key ${channel}`, give(invalid['a deleted key'], request), 401);
      }
      if (each.route.startsWith('GET')) {
        const head = { ...request, method: 'HEAD' };
        const status = isStreamRoute(each) ? 405 : 401;
        for (const token of Object.values(invalid)) await cell('HEAD', withToken(token, head), status);
      }
    }));

  it('has nothing for keys without its scope, nor for keys of others', () =>
    withoutEffect(async () => {
      const scope = scopeOf(each);
      const others = SCOPES.filter((name) => name !== scope);
      const keys = inner(ApiKeysService);
      // Made outside of what is compared, and taken back.
      const made = [
        await keys.create(alice.user, { name: 'x', scopes: others }),
        await keys.create(alice.user, { name: 'x', scopes: [] }),
      ];
      const bobs = await keys.create(bob.user, { name: 'x' });
      const request = requestOf(each, hers);
      for (const { text } of made) {
        const answer = await cell('a key without the scope', withToken(text, request), 403);
        expect(answer.body).toMatchObject({ code: 'insufficient_scope' });
        expectNoTrace(alice, answer, request);
      }
      if (Object.keys(each.ids).length > 0) {
        const first = missingStatus(each, Object.keys(each.ids)[0]);
        const answer = await cell("another user's key", withToken(bobs.text, request), scope ? first : 403);
        expectNoTrace(alice, answer, request);
      }
      for (const { key } of made) await keys.delete(alice.user, key.id);
      await keys.delete(bob.user, bobs.key.id);
    }));

  const slots = Object.keys(each.ids);
  if (slots.length > 0) {
    it.each(slots)('has nothing for others who have her %s, administrators included', (slot) =>
      withoutEffect(async () => {
        const isUser = each.ids[slot] === 'user';
        const status = missingStatus(each, slot);
        const foreign = requestOf(each, { ...his, [slot]: hers[slot] });
        const unknown = requestOf(each, { ...his, [slot]: unknownId(each.ids[slot]) });
        const isMissing = ownerStatus(each) === 400 ? 400 : status;
        const refusal = await cell('bob', withToken(tokenOf(bob.user), foreign), isMissing);
        expect(essence(refusal)).toEqual(
          essence(await cell('bob', withToken(tokenOf(bob.user), unknown), isMissing)),
        );
        expectNoTrace(alice, refusal, foreign);
        if (each.route.startsWith('GET') && !isStreamRoute(each))
          await cell('bob', withToken(tokenOf(bob.user), { ...foreign, method: 'HEAD' }), isMissing);
        if (isUser || each.route.startsWith('GET /api/v1/users')) return;
        const allHers = requestOf(each, hers);
        const first = missingStatus(each, slots[0]);
        const answer = await cell(
          'admin',
          withToken(tokenOf(admin), allHers),
          ownerStatus(each) === 400 ? 400 : first,
        );
        expectNoTrace(alice, answer, allHers);
      }),
    );
  }

  it('serves its owner, by token and by key with the scope', async () => {
    const [one, two] = [await person(), await person()];
    const scope = scopeOf(each);
    const byToken = requestOf(each, await idsOf(one, each, send));
    const answer = await cell('owner', withToken(tokenOf(one.user), byToken), ownerStatus(each));
    const [method, path] = each.route.split(' ');
    const operation = api.find(method, path);
    expect(operation && api.complaintsAbout(operation, answer)).toEqual([]);
    expectNoTrace(alice, answer, byToken);
    const key = await inner(ApiKeysService).create(two.user, { name: 'x' });
    const byKey = requestOf(each, await idsOf(two, each, send));
    await cell('key', withToken(key.text, byKey), scope ? ownerStatus(each) : 403);
  });
});

it('has tried thousands of cells', () => {
  process.stdout.write(`${cells} cells\n`);
  expect(cells).toBeGreaterThanOrEqual(5_000);
});

it('as helpers ask, users are themselves', async () => {
  const { body } = await send(as(alice.user, { method: 'GET', path: '/api/v1/auth/me' }));
  expect(body).toMatchObject({ id: alice.user });
});
