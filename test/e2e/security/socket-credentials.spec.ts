import { DataSource } from 'typeorm';
import { type Identity, SCOPES } from '../../../src/auth/identity';
import { ApiKeysService } from '../../../src/auth/keys/api-keys.service';
import { ApiKeyUsageRecorder } from '../../../src/auth/keys/api-key-usage-recorder';
import { SessionsService } from '../../../src/auth/sessions/sessions.service';
import { StreamTicketsService } from '../../../src/auth/tickets/stream-tickets.service';
import { UserErasure } from '../../../src/users/accounts/user-erasure';
import { UsersService } from '../../../src/users/users.service';
import { AccountSender } from '../../support/account-sender';
import { unknownId } from '../../support/authorisation-matrix';
import {
  FRAME_CASES,
  FRAME_SCOPES,
  frameIdsOf,
  gapsOfFrames,
  kindOfFrame,
  titleOfFrame,
} from '../../support/authorisation-matrix-frames';
import { type Belongings, newPerson } from '../../support/belongings';
import { databaseFingerprint } from '../../support/database-fingerprint';
import { invalidCredentials } from '../../support/invalid-credentials';
import { echo } from '../../support/model-server/behaviours';
import { type Frame, refusalOf, SocketClient } from '../../support/socket-client';
import { useChatApp } from '../../support/use-chat-app';

/*
 * Every frame × every id that it takes × who asks × how the credential was given, where the service keeps accounts of its own.
 */

const SECRET = 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e';

let accounts: AccountSender;
let alice: Belongings;
let bob: Belongings;
let admin: Belongings;
let invalid: Record<string, string>;
let tickets: Record<string, string>;
let cells = 0;
const sockets: SocketClient[] = [];

const inner = <T>(type: abstract new (...args: never[]) => T): T =>
  t.app.get(type as never, { strict: false });
const person = async (role?: 'admin') => newPerson(accounts.send, await accounts.newAccount(role));
const tokenOf = ({ user }: Belongings) => accounts.tokenOf(user);
const byHeader = (token: string) => ({ Authorization: `Bearer ${token}` });
const byTicket = (ticket: string) => `${t.url}/api/v1/ws?ticket=${encodeURIComponent(ticket)}`;

const t = useChatApp(
  { AUTH_MODE: 'token', JWT_SECRET: SECRET },
  { own: 'has administrators, of whom there are few' },
);
const { model } = t;
beforeAll(async () => {
  model.otherwise(echo());
  accounts = new AccountSender(t);
  [alice, bob, admin] = [await person(), await person(), await person('admin')];
  vi.spyOn(inner(ApiKeyUsageRecorder), 'note').mockReturnValue();
  invalid = await invalidCredentials(t, accounts, alice.user, SECRET);
  tickets = await invalidTickets();
});
afterEach(async () => {
  await Promise.all(sockets.splice(0).map((socket) => socket.close()));
});

/** Tickets that were good once, and stand for somebody who is not any more. */
async function invalidTickets(): Promise<Record<string, string>> {
  const [users, sessions, keys] = [inner(UsersService), inner(SessionsService), inner(ApiKeysService)];
  const [disabled, erased] = [await accounts.newAccount(), await accounts.newAccount()];
  const { access } = await sessions.begin(alice.user);
  const sessionId = sessionOf(access);
  const { key } = await keys.create(alice.user, { name: 'x' });
  const made = {
    'of somebody locked out': await ticketOf(disabled),
    'of somebody erased': await ticketOf(erased),
    'of a session that ended': await ticketOf(alice.user, { sessionId }),
    'of a deleted key': await ticketOf(alice.user, { sessionId: undefined, keyId: key.id }),
    expired: await ticketOf(alice.user),
    spent: await ticketOf(alice.user),
    'that never was': 'x'.repeat(43),
    empty: '',
  };
  await users.update(disabled, { is_active: false });
  await inner(UserErasure).run(erased, erased, {});
  await sessions.end(alice.user, sessionId);
  await keys.delete(alice.user, key.id);
  await t.app
    .get(DataSource)
    .query(`UPDATE stream_tickets SET expires_at = now() - interval '1 s' WHERE token_hash = sha256($1)`, [
      Buffer.from(made.expired),
    ]);
  await (await SocketClient.open(byTicket(made.spent))).close();
  return made;
}

/** As somebody gets it who is logged in, but for `more`. */
function ticketOf(user: string, more: Partial<Identity> = {}): Promise<string> {
  const sessionId = sessionOf(accounts.tokenOf(user));
  return inner(StreamTicketsService).issue({ userId: user, role: 'user', sessionId, ...more });
}

function sessionOf(token: string): string {
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()) as { sid: string };
  return claims.sid;
}

async function keyOf({ user }: Belongings, scopes?: (typeof SCOPES)[number][]): Promise<string> {
  return (await inner(ApiKeysService).create(user, { name: 'x', scopes })).text;
}

async function open(token: string): Promise<SocketClient> {
  const socket = await SocketClient.open(t.url, byHeader(token));
  sockets.push(socket);
  return socket;
}

async function expectRefused(who: string, url: string, headers: object = {}): Promise<void> {
  cells += 1;
  const { status, headers: answered, body } = await refusalOf(url, headers);
  expect({ who, status }).toEqual({ who, status: 401 });
  expect(answered['www-authenticate']).toContain('Bearer realm="parley"');
  expect(JSON.stringify(body)).not.toContain(alice.canary);
}

async function expectAnswer(
  who: string,
  answer: Promise<Frame>,
  kind: string,
  socket: SocketClient,
): Promise<void> {
  cells += 1;
  expect({ who, kind: kindOfFrame(await answer) }).toEqual({ who, kind });
  if (who !== 'owner') expect(socket.raw.join()).not.toContain(alice.canary);
}

async function withoutEffect(attempt: () => Promise<void>): Promise<void> {
  const before = { rows: await databaseFingerprint(t), calls: model.requests.length };
  await attempt();
  expect({ rows: await databaseFingerprint(t), calls: model.requests.length }).toEqual(before);
}

it('knows every type of frame and every id', () => {
  expect(gapsOfFrames()).toEqual([]);
});

describe('the handshake', () => {
  it('is closed to whatever is not valid, however it is given', () =>
    withoutEffect(async () => {
      for (const [name, token] of Object.entries(invalid)) {
        await expectRefused(`${name} as Bearer`, t.url, byHeader(token));
        await expectRefused(`${name} as bearer`, t.url, { Authorization: `bearer ${token}` });
        await expectRefused(`${name} as a ticket`, byTicket(token));
      }
    }));

  it('is closed to tickets that stand for nobody any more, however often', async () => {
    for (const [name, ticket] of Object.entries(tickets))
      for (const time of ['first', 'second'])
        await expectRefused(`ticket ${name}, ${time}`, byTicket(ticket));
  });

  it('takes not even a good credential in another place, nor with a bad one', async () => {
    const credentials = [tokenOf(alice), await keyOf(alice)];
    await withoutEffect(async () => {
      for (const good of credentials) {
        const places: [string, string, object][] = [
          ['without a scheme', '', { Authorization: good }],
          ['as Basic', '', { Authorization: `Basic ${good}` }],
          ['in X-User-ID', '', { 'X-User-ID': good }],
          ['in X-API-Key', '', { 'X-API-Key': good }],
          ['in a cookie', '', { Cookie: `access_token=${good}` }],
          ['as a protocol', '', { 'Sec-WebSocket-Protocol': `bearer, ${good.replace(/[^\w.-]/g, '')}` }],
          ['in ?token', `?token=${good}`, {}],
          ['in ?access_token', `?access_token=${good}`, {}],
          ['in ?ticket', `?ticket=${good}`, {}],
          ['in ?user_id', `?user_id=${alice.user}`, {}],
        ];
        for (const [place, query, headers] of places) {
          await expectRefused(place, `${t.url}/api/v1/ws${query}`, headers);
          await expectRefused(`${place}, after garbage`, `${t.url}/api/v1/ws${query}`, {
            ...headers,
            ...byHeader('garbage'),
          });
        }
      }
    });
  });

  it('takes no ticket with a bad token, and does not spend it', async () => {
    const ticket = await ticketOf(alice.user);
    for (const [name, token] of Object.entries(invalid))
      await expectRefused(`${name} and a ticket`, byTicket(ticket), byHeader(token));
    await (await SocketClient.open(byTicket(ticket))).close();
  });
});

describe.each(FRAME_CASES.map((each) => [titleOfFrame(each), each] as const))('%s', (_title, each) => {
  const { type, more } = each;
  const ask = (socket: SocketClient, ids: object) => socket.ask({ type, request_id: 'r', ...more, ...ids });
  const scope = FRAME_SCOPES[type];

  it('has nothing for keys without its scope', async () => {
    const others = SCOPES.filter((name) => name !== scope);
    const key = await keyOf(alice, others);
    const hopeless = await keyOf(
      alice,
      SCOPES.filter((name) => !Object.values(FRAME_SCOPES).includes(name)),
    );
    await withoutEffect(async () => {
      const socket = await open(key);
      const answer = ask(socket, frameIdsOf(alice, each));
      await expectAnswer('a key without the scope', answer, 'error insufficient_scope', socket);
      expect((await refusalOf(t.url, byHeader(hopeless))).status).toBe(403);
      cells += 1;
    });
  });

  it.each(Object.keys(each.ids))(
    'has nothing for others who have her %s, by whatever credential',
    async (field) => {
      const credentials = await Promise.all(
        [bob, admin].map(async (who) => [
          [who, await open(tokenOf(who))] as const,
          [who, await open(await keyOf(who))] as const,
          [who, await openByTicket(who)] as const,
        ]),
      );
      await withoutEffect(async () => {
        for (const [who, socket] of credentials.flat()) {
          const own = frameIdsOf(who, each);
          const foreign = { ...own, [field]: frameIdsOf(alice, each)[field] };
          await expectAnswer('others', ask(socket, foreign), each.missing[field], socket);
          const unknown = { ...own, [field]: unknownId(each.ids[field]) };
          await expectAnswer('others', ask(socket, unknown), each.missing[field], socket);
          await expectAnswer('others', ask(socket, frameIdsOf(alice, each)), firstMissing, socket);
        }
      });
    },
  );
  const firstMissing = each.missing[Object.keys(each.ids)[0]];

  it('serves its owner by token, key and ticket', async () => {
    for (const way of ['token', 'key', 'ticket']) {
      const owner = await person();
      const socket = await openBy(way, owner);
      await expectAnswer('owner', ask(socket, frameIdsOf(owner, each)), each.owner, socket);
    }
  });

  async function openBy(way: string, who: Belongings): Promise<SocketClient> {
    if (way === 'ticket') return openByTicket(who);
    return open(way === 'key' ? await keyOf(who, [scope]) : tokenOf(who));
  }
});

describe('a socket that was opened with what ends', () => {
  const endings: Record<string, (who: Belongings, token: string) => Promise<unknown>> = {
    'the user locked out': ({ user }) => inner(UsersService).update(user, { is_active: false }),
    'the user erased': ({ user }) => inner(UserErasure).run(user, user, {}),
    'the session ended': ({ user }, token) => inner(SessionsService).end(user, sessionOf(token)),
  };

  it.each(Object.entries(endings))('%s: takes no frame', async (_name, end) => {
    const who = await person();
    const opened = await Promise.all(FRAME_CASES.map(() => open(tokenOf(who))));
    await end(who, tokenOf(who));
    for (const [index, socket] of opened.entries()) {
      const { type, more, ...rest } = FRAME_CASES[index];
      cells += 1;
      expect(await socket.closed()).toBe(4401);
      const before = socket.frames.length;
      socket.send({ type, request_id: 'r', ...more, ...frameIdsOf(who, { type, ...rest }) });
      expect(socket.frames).toHaveLength(before);
    }
  });
});

async function openByTicket({ user }: Belongings): Promise<SocketClient> {
  const ticket = await ticketOf(user);
  const socket = await SocketClient.open(byTicket(ticket));
  sockets.push(socket);
  return socket;
}

it('has tried hundreds of cells', () => {
  process.stdout.write(`${cells} cells\n`);
  expect(cells).toBeGreaterThanOrEqual(300);
});
