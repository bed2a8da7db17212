import { DataSource } from 'typeorm';
import { ApiClient } from '../../support/api-client';
import { createTestApp } from '../../support/create-test-app';
import { sendRaw } from '../../support/raw-http';
import { SseReader } from '../../support/sse-reader';
import { useChatApp } from '../../support/use-chat-app';

const UNKNOWN = '00000000-0000-7000-8000-000000000000';
let alice: ApiClient;
let bob: ApiClient;
let nobody: ApiClient;
/** What alice has. */
let conversation: string;
let user: string;
let message: string;
let feedback: string;

const t = useChatApp({}, { own: 'looks at what users with given ids may see' });
beforeAll(async () => {
  [alice, bob, nobody] = [ApiClient.of(t.url, 'alice'), ApiClient.of(t.url, 'bob'), new ApiClient(t.url)];
  conversation = (await alice.conversation({ title: 'canary' })).id;
  const turn = await alice.say(conversation, 'canary');
  [user, message] = [turn.user_message.id, turn.message.id];
  feedback = (await alice.post<{ id: string }>('/feedback', { message_id: message, rating: 5 })).body.id;
});

type Operation = [method: string, path: string, body: object | undefined];

/** Everything that has an id of a user in its address or its body. */
function owned(ids: { conversation: string; message: string; feedback: string }): Operation[] {
  const rows: [string, string, object?][] = [
    ['GET', `/conversations/${ids.conversation}`],
    ['PATCH', `/conversations/${ids.conversation}`, { title: 'mine' }],
    ['PUT', `/conversations/${ids.conversation}`, { title: 'mine' }],
    ['GET', `/conversations/${ids.conversation}/messages`],
    ['DELETE', `/conversations/${ids.conversation}/context`],
    ['POST', `/chat/${ids.conversation}`, { content: 'x' }],
    ['POST', `/chat/${ids.conversation}/stream`, { content: 'x' }],
    ['POST', '/chat', { content: 'x', conversation_id: ids.conversation }],
    ['GET', `/chat/${ids.conversation}/stream`],
    ['GET', `/chat/${ids.conversation}/history`],
    ['POST', `/chat/${ids.conversation}/stop`],
    ['GET', `/messages/${ids.message}`],
    ['GET', `/messages/${ids.message}/stream`],
    ['POST', '/feedback', { message_id: ids.message, rating: 1 }],
    ['GET', `/feedback/${ids.feedback}`],
    ['PATCH', `/feedback/${ids.feedback}`, { rating: 1 }],
    ['DELETE', `/feedback/${ids.feedback}`],
    ['DELETE', `/conversations/${ids.conversation}`],
  ];
  return rows.map(([method, path, body]) => [method, path, body]);
}
const unknown = owned({ conversation: UNKNOWN, message: UNKNOWN, feedback: UNKNOWN });

describe('no identity', () => {
  it.each(unknown)('is refused by %s %s with a challenge', async (method, path, body) => {
    const answer = await nobody.call(method, path, body);
    expect([answer.status, answer.body.code]).toEqual([401, 'unauthenticated']);
    expect(answer.headers.get('www-authenticate')).toMatch(/\S/);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });

  it.each(['/conversations', '/feedback', '/models'])('is refused by the list %s', async (path) => {
    expect((await nobody.get(path)).status).toBe(401);
  });

  it.each([
    'Authorization: Bearer x',
    'X_User_ID: alice',
    'Cookie: X-User-ID=alice',
    'X-Forwarded-User: alice',
  ])('is what %s gives', async (header) => {
    const answer = await sendRaw(
      t.url,
      `GET /api/v1/models HTTP/1.1\r\nHost: localhost\r\n${header}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer.status).toBe(401);
  });
});

describe('X-User-ID', () => {
  it.each(['a', 'A.b_c@d:e-f', 'x'.repeat(128)])('may be %s', async (id) => {
    expect((await ApiClient.of(t.url, id).get<{ data: [] }>('/conversations')).body.data).toEqual([]);
  });

  it.each(['', 'a b', 'a,b', 'a/b', 'x'.repeat(129), '\u00e4', "a'b", 'a%41'])(
    'may not be "%s"',
    async (id) => {
      const { status, body } = await ApiClient.of(t.url, id).get('/conversations');
      expect([status, body.code]).toEqual([400, 'invalid_user_id']);
    },
  );

  it('may not be given twice', async () => {
    const head = 'GET /api/v1/models HTTP/1.1\r\nHost: localhost\r\nX-User-ID: alice\r\nX-User-ID: alice\r\n';
    expect((await sendRaw(t.url, `${head}Connection: close\r\n\r\n`)).status).toBe(400);
  });

  it('is compared exactly', async () => {
    for (const id of ['Alice', 'alice.', 'ALICE', 'alic']) {
      expect((await ApiClient.of(t.url, id).get<{ data: [] }>('/conversations')).body.data).toEqual([]);
    }
    expect((await alice.get<{ data: object[] }>('/conversations')).body.data).toHaveLength(1);
  });
});

describe("somebody else's id", () => {
  it.each(unknown.map(([method, path, body], i) => [method, path, body, i] as const))(
    'is a missing id to %s %s',
    async (method, path, body, i) => {
      const missing = await bob.call(method, path, body);
      const [, foreignPath, foreignBody] = owned({ conversation, message, feedback })[i];
      const foreign = await bob.call(method, foreignPath, foreignBody);
      expect(missing.status).toBe(404);
      expect(foreign.status).toBe(404);
      expect({ ...foreign.body, instance: '', request_id: '' }).toEqual({
        ...missing.body,
        instance: '',
        request_id: '',
      });
      expect(foreign.text).not.toContain('canary');
    },
  );

  it('has nothing changed by all that', async () => {
    expect((await alice.history(conversation)).map(({ id }) => id)).toEqual([user, message]);
    expect((await alice.get<{ title: string }>(`/conversations/${conversation}`)).body.title).toBe('canary');
    expect((await alice.get<{ rating: number }>(`/feedback/${feedback}`)).body.rating).toBe(5);
  });

  it('is in no list', async () => {
    for (const path of [
      '/conversations',
      `/conversations?q=canary`,
      '/feedback',
      `/feedback?message_id=${message}`,
    ]) {
      const { status, body } = await bob.get<{ data: object[] }>(path);
      expect([path, status, body.data]).toEqual([path, 200, []]);
    }
  });

  it('is no parent either', async () => {
    const { id } = await bob.conversation();
    const { status, body } = await bob.post(`/chat/${id}`, { content: 'x', parent_id: message });
    expect([status, body.code]).toEqual([404, 'message_not_found']);
    expect(await bob.history(id)).toEqual([]);
  });
});

describe('an id that is none', () => {
  it.each([
    '1',
    'null',
    'undefined',
    `{${UNKNOWN}}`,
    UNKNOWN.replaceAll('-', ''),
    "'",
    '%F0%9F%98%80',
    '..%2F..',
  ])('is a missing id: %s', async (id) => {
    for (const path of [
      `/conversations/${id}`,
      `/messages/${id}`,
      `/chat/${id}/history`,
      `/feedback/${id}`,
    ]) {
      expect([path, (await alice.get(path)).status]).toEqual([path, 404]);
    }
  });
});

describe('a stream ticket', () => {
  const follow = (query: string) =>
    SseReader.open(`${t.url}/api/v1/messages/${message}/stream${query}`, { method: 'GET', headers: {} });

  it('opens a stream once', async () => {
    const { status, body } = await alice.post<{ ticket: string; expires_in: number }>('/auth/stream-ticket');
    expect([status, Object.keys(body).sort(), body.expires_in]).toEqual([200, ['expires_in', 'ticket'], 60]);
    const first = await (await follow(`?ticket=${body.ticket}`)).done();
    expect([first.status, first.last.type]).toEqual([200, 'end']);
    const second = await (await follow(`?ticket=${body.ticket}`)).problem();
    expect([second.status, second.code]).toEqual([401, 'invalid_ticket']);
  });

  it('is spent by one of many that use it at once', async () => {
    const ticket = await alice.ticket();
    const readers = await Promise.all(Array.from({ length: 10 }, () => follow(`?ticket=${ticket}`)));
    expect(readers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 9 }, () => 401),
    ]);
    for (const reader of readers) await reader.done();
  });

  it('opens the live feed as well', async () => {
    const ticket = await alice.ticket();
    const feed = await SseReader.open(`${t.url}/api/v1/chat/${conversation}/stream?ticket=${ticket}`, {
      method: 'GET',
      headers: {},
    });
    expect(feed.isEventStream).toBe(true);
    feed.close();
  });

  it('is the identity of the one who asked for it', async () => {
    const { status } = await (await follow(`?ticket=${await bob.ticket()}`)).problem();
    expect(status).toBe(404);
  });

  it('is not valid, and not spent, on any other route', async () => {
    const ticket = await alice.ticket();
    for (const [method, path, body] of [
      ...owned({ conversation, message, feedback }).filter(([m, p]) => m !== 'GET' || !p.endsWith('/stream')),
      ['GET', '/conversations', undefined],
      ['GET', '/models', undefined],
      ['POST', '/auth/stream-ticket', undefined],
    ] as Operation[]) {
      for (const query of [`ticket=${ticket}`, 'user_id=alice']) {
        const answer = await nobody.call(method, `${path}?${query}`, body);
        expect([method, path, answer.status]).toEqual([method, path, 401]);
      }
    }
    expect((await (await follow(`?ticket=${ticket}`)).done()).last.type).toBe('end');
    expect((await alice.history(conversation)).length).toBe(2);
  });

  it.each(['', 'x', 'x'.repeat(43), '%00', "'"])('is none if it is "%s"', async (ticket) => {
    const answer = await (await follow(`?ticket=${ticket}`)).problem();
    expect(ticket === '%00' ? [400, 401] : [401]).toContain(answer.status);
  });

  it('ends after its time', async () => {
    const ticket = await alice.ticket();
    await t.app.get(DataSource).query(`UPDATE stream_tickets SET expires_at = now() - interval '1 ms'`);
    const answer = await (await follow(`?ticket=${ticket}`)).problem();
    expect([answer.status, answer.code]).toEqual([401, 'invalid_ticket']);
  });
});

describe('?user_id= on a loopback address', () => {
  const open = (query: string) =>
    SseReader.open(`${t.url}/api/v1/messages/${message}/stream${query}`, { method: 'GET', headers: {} });

  it('is the identity for streams', async () => {
    expect((await (await open('?user_id=alice')).done()).last.type).toBe('end');
    expect((await (await open('?user_id=bob')).problem()).status).toBe(404);
    expect((await (await open('?user_id=a%20b')).problem()).status).toBe(400);
    expect((await (await open('?user_id=alice&user_id=bob')).problem()).status).toBe(400);
  });

  it('does not win over the header', async () => {
    const reader = await bob.open('GET', `/messages/${message}/stream?user_id=alice`);
    expect((await reader.problem()).status).toBe(404);
  });

  it('is not accepted for POST', async () => {
    const { status } = await nobody.post(`/chat/${conversation}/stream?user_id=alice`, { content: 'x' });
    expect(status).toBe(401);
  });
});

describe('behind a gateway', () => {
  const secret = 'x'.repeat(32);
  const proven = { 'x-proxy-secret': secret };
  const gateway = useChatApp(
    { NODE_ENV: 'production', AUTH_PROXY_SECRET: secret },
    { own: 'looks at what users with given ids may see' },
  );
  const behind = gateway.client('alice');

  it('a name without the secret is nobody', async () => {
    const wrong: Record<string, string>[] = [
      {},
      { 'x-proxy-secret': 'y'.repeat(32) },
      { 'x-proxy-secret': secret.slice(1) },
    ];
    for (const headers of wrong) {
      expect((await behind.get('/conversations', headers)).status).toBe(401);
    }
    expect((await behind.get('/conversations', proven)).status).toBe(200);
  });

  it('a ticket opens a stream without the secret, ?user_id= does not', async () => {
    const { body } = await behind.post<{ id: string }>('/conversations', {}, proven);
    const path = `${gateway.url}/api/v1/chat/${body.id}/stream`;
    const forged = await SseReader.open(`${path}?user_id=alice`, { method: 'GET', headers: {} });
    expect((await forged.problem()).status).toBe(401);
    const { ticket } = (await behind.post<{ ticket: string }>('/auth/stream-ticket', undefined, proven)).body;
    const feed = await SseReader.open(`${path}?ticket=${ticket}`, { method: 'GET', headers: {} });
    expect(feed.isEventStream).toBe(true);
    feed.close();
  });

  it('in production there are no documentation pages', async () => {
    for (const page of ['docs', 'redoc', 'openapi.json']) {
      expect([page, (await behind.get(`/${page}`, proven)).status]).toEqual([page, 404]);
    }
  });
});

describe('on an address that others can reach', () => {
  it('?user_id= is no identity', async () => {
    const open = await createTestApp({ env: { HOST: '0.0.0.0' } });
    try {
      const path = `${open.url}/api/v1/chat/${UNKNOWN}/stream?user_id=alice`;
      const reader = await SseReader.open(path, { method: 'GET', headers: {} });
      expect(await reader.problem()).toMatchObject({ status: 401, code: 'unauthenticated' });
    } finally {
      await open.close();
    }
  });
});
