import { type Attack, abreast, repeat } from './attack';
import type { Field } from './field';
import { requestText } from './wire';

/*
 * M1, L6, H4 and M3: requests themselves. Many on one connection, whose refusals cost as much as an answer; a few that look names up
 * where nobody answers; and passwords that are wrong, from where others log in.
 */

const CONNECTIONS = 2;
/** Requests of one write, and of one second, of a connection. */
const BLOCK = 250;
const PER_SECOND = 1_500;
const SLOW_NAMES = 40;

/** Writes requests without waiting for answers, and comes again when it is thrown out. */
async function pipeline(field: Field, ...requests: string[]): Promise<void> {
  await abreast(CONNECTIONS, (connection) =>
    repeat(field, 50, async () => {
      const wire = await field.wire(field.address(connection));
      for (let sent = 0; !wire.closed && !field.over.aborted; sent++) {
        await wire.send(requests[sent % requests.length].repeat(BLOCK));
        await field.pause((1_000 * BLOCK) / PER_SECOND);
      }
      wire.close();
    }),
  );
}

/** As many answered requests as the limits let through, on connections that wait for each answer. */
async function askInTurn(field: Field): Promise<void> {
  await abreast(20, async (index) => {
    const person = await field.person(index % 4);
    await repeat(field, 250, () => field.call(person, { path: '/models' }));
  });
}

const flood = (what: string, requests: (token: string) => string[], more: Partial<Attack> = {}): Attack => ({
  finding: 'M1',
  what,
  prepare: async (field) => {
    for (let index = 0; index < 4; index++) await field.person(index);
  },
  attack: async (field) => pipeline(field, ...requests((await field.person()).token)),
  honest: askInTurn,
  ...more,
});

/** Each is answered after as long as a name server may take, or refused. */
async function nameProviders(
  field: Field,
  method: string,
  path: string,
  url: (index: number) => string,
): Promise<void> {
  const person = await field.person();
  await abreast(SLOW_NAMES, (index) =>
    repeat(field, 25_000, async (turn) => {
      const body = { name: `n${index}-${turn}`, base_url: url(index), api_key: 'sk-12345678', models: [] };
      await field.call(person, { method, path, body });
    }),
  );
}

const slowName = (index: number) => `https://slow${index}-${crypto.randomUUID()}.attacker.example/v1`;
const knownPlace = (index: number) => `http://127.0.0.1:${9_000 + index}/v1`;

async function guess(field: Field, right: boolean): Promise<void> {
  const from = field.address();
  const wrong = (index: number) => ({ username: `nobody-${index}`, password: `wrong password ${index}` });
  const attempt = (index: number) =>
    field.call(from, { method: 'POST', path: '/auth/token', body: wrong(index) });
  if (!right) await abreast(15, (part) => abreast(5, async (one) => void (await attempt(part * 5 + one))));
  // Honest people who log in do not do so four times a second from one place.
  await repeat(field, right ? 2_000 : 250, (index) => attempt(100 + index));
}

export const REQUESTS: Attack[] = [
  flood('requests without an identity, without waiting for answers', () => [requestText('GET', '/models')], {
    main: true,
    short: true,
  }),
  flood('the same to a path that does not exist', () => [requestText('GET', '/nothing-here')]),
  flood('the same to the health checks', () => [
    requestText('GET', '/health/live'),
    requestText('GET', '/health/ready'),
  ]),
  flood('the same with an identity', (token) => [
    requestText('GET', '/models', { Authorization: `Bearer ${token}` }),
    requestText('GET', '/conversations', { Authorization: `Bearer ${token}` }),
  ]),
  flood('the same with a body of which nothing is wanted', () => [
    `${requestText('POST', '/chat', { 'Content-Type': 'application/json', 'Content-Length': '16' })}{"content":"hi"}`,
    `${requestText('POST', '/auth/refresh', { 'Content-Type': 'application/json', 'Content-Length': '2' })}{}`,
  ]),
  flood(
    'preflights of a page that may ask, without waiting for answers',
    () => [
      requestText('OPTIONS', '/models', {
        Origin: 'https://chat.example.com',
        'Access-Control-Request-Method': 'GET',
      }),
    ],
    { finding: 'L6', main: true },
  ),
  {
    finding: 'H4',
    what: 'forty providers whose name nobody answers for',
    prepare: async (field) => void (await field.person()),
    attack: (field) => nameProviders(field, 'POST', '/providers', slowName),
    honest: (field) => nameProviders(field, 'POST', '/providers', knownPlace),
    main: true,
    needsSilentNames: true,
  },
  {
    finding: 'H4',
    what: 'a provider that is moved to such names',
    prepare: async (field) => void (await field.person()),
    attack: async (field) => {
      const { body } = await field.call(await field.person(), { path: '/providers' });
      const [{ id }] = body.data as { id: string }[];
      await nameProviders(field, 'PATCH', `/providers/${id}`, slowName);
    },
    honest: (field) => nameProviders(field, 'POST', '/providers', knownPlace),
    needsSilentNames: true,
  },
  {
    finding: 'M3',
    what: 'wrong passwords of people who do not exist, from a shared address',
    attack: (field) => guess(field, false),
    honest: (field) => guess(field, true),
    main: true,
  },
];
