import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { PASSWORD } from '../accounts';
import type { ApiDescription, Operation } from '../api-description';
import { fillPath } from '../app-routes';
import type { Call } from '../http-call';
import { type Hints, type RandomRequest, requestsOf } from '../schema-arbitrary';
import type { Pair, Person } from './people';

const NAMES = [
  'conversation',
  'reply',
  'userMessage',
  'feedback',
  'share',
  'provider',
  'user',
  'apiKey',
] as const satisfies readonly (keyof Person)[];
const ids = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...NAMES.map((name) => `@own.${name}@`)) },
  { weight: 1, arbitrary: fc.constantFrom(...NAMES.map((name) => `@foreign.${name}@`), '@unknown@') },
);
const mostly = (usual: string, other: fc.Arbitrary<unknown> = ids) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
const events = fc.tuple(ids, fc.nat(20)).map(([id, sequence]) => `${id}:${sequence}`);

const HINTS: Hints = {
  id: ids,
  conversation_id: mostly('@own.conversation@'),
  message_id: mostly('@own.reply@'),
  parent_id: mostly('@own.reply@'),
  model: mostly('test-model', fc.string({ minLength: 1, maxLength: 200 })),
  limit: fc.integer({ min: 1, max: 100 }),
  q: fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc.stringMatching(/^[ab猫"* -]{1,30}$/),
  ),
  username: fc.stringMatching(/^[a-z]{3,20}$/),
  email: fc.stringMatching(/^[a-z]{3,20}@example\.com$/),
  current_password: mostly(PASSWORD, fc.string({ minLength: 1, maxLength: 200 })),
  refresh_token: mostly('@own.refresh@', fc.string({ minLength: 1, maxLength: 200 })),
  name: fc.stringMatching(/^[a-z]{1,20}$/),
  // Nobody listens there; the others are refused before anything is sent.
  base_url: fc.constantFrom(
    'http://127.0.0.1:9/v1',
    'https://127.0.0.1/',
    'http://10.0.0.1/v1',
    'http://[::ffff:a9fe:a9fe]/latest',
    'file:///etc/passwd',
  ),
  api_key: fc.stringMatching(/^[a-z0-9-]{8,40}$/),
  models: fc.array(fc.stringMatching(/^[a-z0-9/:.-]{1,20}$/), { maxLength: 3 }),
  from: fc.constantFrom('2026-01-01', '2026-11-01', '2000-01-01', 'x'),
  to: fc.constantFrom('2026-03-01', '2026-11-30', '9999-12-31', 'x'),
  expires_at: fc.constantFrom(null, '2050-01-01T00:00:00Z', '2020-01-01T00:00:00Z', 'x'),
  after: events,
  'Last-Event-ID': events,
  'If-Match': fc.constantFrom('"1"', '"2"', 'W/"1"', '*', '"x"', '"1", "2"'),
  ticket: fc.string({ minLength: 43, maxLength: 43 }),
};

const KINDS: Record<string, string> = {
  conversations: 'conversation',
  messages: 'reply',
  feedback: 'feedback',
  shares: 'share',
  providers: 'provider',
  users: 'user',
  'api-keys': 'apiKey',
};

/** How often, where it is not as often as others: what hashes passwords takes long, and people and things have to be made again. */
const WEIGHTS: Record<string, number> = {
  register: 2,
  createToken: 2,
  changePassword: 2,
  resetPassword: 2,
  forgotPassword: 2,
  reauthenticate: 2,
  refreshToken: 4,
  updateUser: 4,
  deleteConversation: 4,
  deleteProvider: 4,
  deleteFeedback: 4,
  deleteShare: 4,
  deleteApiKey: 4,
  deleteUser: 1,
  logOut: 1,
};
const USUAL_WEIGHT = 20;

/** Any request of any operation. */
export function requestsOfAll(api: ApiDescription): fc.Arbitrary<RandomRequest> {
  return fc.oneof(
    ...api.operations.map((operation) => ({
      weight: WEIGHTS[operation.id] ?? USUAL_WEIGHT,
      arbitrary: requestsOf(operation, api, hintsFor(operation)),
    })),
  );
}

function hintsFor({ id: operation, path }: Operation): Hints {
  if (operation === 'createToken')
    return {
      ...HINTS,
      username: mostly('@own.username@', HINTS.username),
      password: mostly(PASSWORD, fc.string()),
    };
  const kind = KINDS[path.split('/')[3]];
  // `:id` is most often of the kind that the path is about.
  return kind ? { ...HINTS, id: mostly(`@own.${kind}@`) } : HINTS;
}

/** The request to send, with the ids of these two in place of their names. */
export function toCall(random: RandomRequest, { method, path }: Operation, pair: Pair): Call {
  const request = withIds(random, pair);
  const query = Object.fromEntries(Object.entries(request.query).filter(([, value]) => value.isWellFormed()));
  const parameters = Object.fromEntries(
    Object.entries(request.path).map(([name, value]) => [name, value.toWellFormed()]),
  );
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([, value]) => /^[\x20-\x7e]*$/.test(value)),
  );
  const address = fillPath(path, parameters);
  return { method, path: address, query, headers, ...(random.body && { body: request.body }), quietMs: 15 };
}

function withIds<T>(value: T, pair: Pair): T {
  const json = JSON.stringify(value).replaceAll(
    /@(own|foreign|unknown)(?:\.(\w+))?@/g,
    (_, whose: string, name: string) =>
      whose === 'unknown' ? randomUUID() : String(pair[whose as 'own' | 'foreign'][name as keyof Person]),
  );
  return JSON.parse(json) as T;
}
