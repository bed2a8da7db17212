import { ApiClient } from '../../support/api-client';
import { captureLogs } from '../../support/log-capture';
import { sendRaw } from '../../support/raw-http';
import { handshake, refusalOf, SocketClient } from '../../support/socket-client';
import { useChatApp } from '../../support/use-chat-app';

const ALLOWED = 'https://chat.example.com';

const logs = captureLogs('trace');
const t = useChatApp({ CORS_ORIGINS: ALLOWED }, { own: 'reads its log', overrides: [logs.override] });
const alice = t.client('alice');

const opens = async (query: string, headers: object = {}) => {
  const socket = await SocketClient.open(`${t.url}/api/v1/ws${query}`, headers);
  const answer = await socket.ask({ type: 'unfollow', request_id: 'r', message_id: crypto.randomUUID() });
  await socket.close();
  return answer.type === 'unfollowed';
};

describe('the identity of a handshake', () => {
  it('is a header, a ticket, or on loopback a user id in the query', async () => {
    expect(await opens('', { 'X-User-ID': 'alice' })).toBe(true);
    expect(await opens('?user_id=alice')).toBe(true);
    const ticket = await alice.ticket();
    expect(await opens(`?ticket=${ticket}`)).toBe(true);
    expect(await refusalOf(`${t.url}/api/v1/ws?ticket=${ticket}`)).toMatchObject({
      status: 401,
      body: { code: 'invalid_ticket' },
    });
    expect(logs.lines.join('')).not.toContain(ticket);
  });

  it('is needed; without it there is a problem instead of a socket', async () => {
    const { status, headers, body } = await refusalOf(t.url, { 'X-Request-Id': 'my-id' });
    expect({ status, body }).toEqual({
      status: 401,
      body: {
        type: 'about:blank',
        title: 'Unauthorized',
        status: 401,
        code: 'unauthenticated',
        detail: expect.any(String),
        instance: '/api/v1/ws',
        request_id: 'my-id',
      },
    });
    expect(headers).toMatchObject({
      'content-type': 'application/problem+json',
      'www-authenticate': 'X-User-ID realm="parley"',
      'x-request-id': 'my-id',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      connection: 'close',
    });
  });

  it.each([
    ['?ticket=', {}, 401, 'invalid_ticket'],
    [`?ticket=${'x'.repeat(43)}`, {}, 401, 'invalid_ticket'],
    ['?token=abc', {}, 401, 'unauthenticated'],
    ['', { Authorization: 'Bearer abc' }, 401, 'unauthenticated'],
    ['', { Cookie: 'X-User-ID=alice' }, 401, 'unauthenticated'],
    ['', { 'X-User-ID': 'a b' }, 400, 'invalid_user_id'],
    ['?user_id=a%20b', {}, 400, 'invalid_user_id'],
    ['?user_id=alice&user_id=bob', {}, 400, 'invalid_query'],
    ['?user_id=%00', {}, 400, 'invalid_text'],
    ['?user_id=%zz', {}, 400, 'invalid_target'],
  ])('is not in %s %j', async (query, headers, status, code) => {
    expect(await refusalOf(`${t.url}/api/v1/ws${query}`, headers)).toMatchObject({ status, body: { code } });
  });

  it('is settled before the first frame, which waits for it', async () => {
    const { conversations } = await counts();
    const frame = Buffer.from('{"type":"chat","content":"Hi"}');
    const masked = Buffer.concat([Buffer.from([0x81, 0x80 | frame.length, 0, 0, 0, 0]), frame]);
    const refused = await sendRaw(t.url, Buffer.concat([Buffer.from(handshake({})), masked]));
    expect(refused.status).toBe(401);
    expect(await counts()).toEqual({ conversations });
    const accepted = await sendRaw(
      t.url,
      Buffer.concat([Buffer.from(handshake({ 'X-User-ID': 'alice' })), masked]),
      { idleMs: 3_000 },
    );
    expect(accepted.status).toBe(101);
    expect(accepted.body).toContain('"type":"start"');
    expect(await counts()).toEqual({ conversations: conversations + 1 });
  });

  it('cannot be changed later', async () => {
    const { id } = await ApiClient.of(t.url, 'bob').conversation();
    const socket = await SocketClient.of(t.url, 'alice');
    socket.send({ type: 'stop', request_id: 'r', conversation_id: id, user_id: 'bob' });
    await socket.until(() => socket.frames.length === 1);
    expect(socket.frames[0].data).toMatchObject({
      code: 'validation_failed',
      errors: [{ path: 'user_id', message: 'is not a known field' }],
    });
    socket.send({ type: 'auth', user_id: 'bob' });
    expect(await socket.closed()).toBe(4401);
  });
});

async function counts(): Promise<{ conversations: number }> {
  return { conversations: (await alice.pages('/conversations', 100)).flat().length };
}

describe('the origin of a handshake', () => {
  const origin = (value: string) => ({ 'X-User-ID': 'alice', Origin: value });

  it('may be absent, our own, or a known one', async () => {
    for (const headers of [{ 'X-User-ID': 'alice' }, origin(t.url), origin(ALLOWED)])
      expect(await opens('', headers)).toBe(true);
  });

  it.each([
    'null',
    'https://evil.example.com',
    'http://chat.example.com',
    `${ALLOWED}.evil.example.com`,
    `${ALLOWED}:8443`,
    'http://127.0.0.1',
    'http://127.0.0.1:1',
    'file://',
    '*',
    `${ALLOWED}, ${ALLOWED}`,
    'garbage',
  ])('may not be %s, whoever the user is', async (value) => {
    const ticket = await alice.ticket();
    expect(await refusalOf(`${t.url}/api/v1/ws?ticket=${ticket}`, { Origin: value })).toMatchObject({
      status: 403,
      body: { code: 'origin_not_allowed' },
    });
    // It was not spent on a foreign page.
    expect(await opens(`?ticket=${ticket}`)).toBe(true);
  });
});

describe('a handshake that is none', () => {
  const user = { 'X-User-ID': 'alice' };

  it.each([
    ['Sec-WebSocket-Version', '12'],
    ['Sec-WebSocket-Key', 'short'],
    ['Sec-WebSocket-Protocol', ','],
  ])('is a problem: %s: %s', async (name, value) => {
    const { status, body, headers: answered } = await sendRaw(t.url, handshake({ ...user, [name]: value }));
    expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([400, 'invalid_handshake']);
    expect(answered).toMatchObject({ 'sec-websocket-version': '13', connection: 'close' });
  });

  it('is answered like any request where there is no socket', async () => {
    for (const path of ['/api/v1/nothing', '/nothing', '/api/v1/ws/', '//api/v1/ws'])
      expect((await sendRaw(t.url, handshake(user, path))).status).toBe(404);
    expect((await sendRaw(t.url, handshake(user, '/api/v1/models'))).status).toBe(200);
    const bad = await sendRaw(t.url, handshake({ ...user, Host: 'a b' }));
    expect(bad.status).toBe(400);
  });

  it('to another protocol is served as if it were not there', async () => {
    const h2c = {
      ...user,
      Connection: 'Upgrade, HTTP2-Settings',
      Upgrade: 'h2c',
      'HTTP2-Settings': 'AAMAAABk',
    };
    expect((await sendRaw(t.url, handshake(h2c, '/api/v1/models'))).status).toBe(200);
    const body = '{"title":"Java"}';
    const post = handshake(
      { ...h2c, 'Content-Type': 'application/json', 'Content-Length': String(body.length) },
      '/api/v1/conversations',
    ).replace('GET', 'POST');
    expect((await sendRaw(t.url, post + body)).status).toBe(201);
    expect((await sendRaw(t.url, handshake({ ...user, Upgrade: 'h2c' }))).status).toBe(404);
  });

  it('with too many headers is refused', async () => {
    const many = Object.fromEntries(Array.from({ length: 130 }, (_, i) => [`X-${i}`, 'x']));
    expect((await refusalOf(t.url, { ...user, ...many })).status).toBe(431);
  });

  it('may break off at any time', async () => {
    const text = handshake(user);
    for (const length of [1, 40, text.length]) {
      const { status } = await sendRaw(t.url, text.slice(0, length), { silentMs: 1 });
      expect([0, 101]).toContain(status);
    }
    expect(await opens('', user)).toBe(true);
  });
});

describe('the sockets of one user', () => {
  it('are at most 50 at a time', async () => {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => SocketClient.of(t.url, 'carol')));
    const { status, headers, body } = await refusalOf(t.url, { 'X-User-ID': 'carol' });
    expect({ status, code: body.code, retry: headers['retry-after'] }).toEqual({
      status: 429,
      code: 'too_many_sockets',
      retry: '30',
    });
    expect(await opens('?user_id=dave')).toBe(true);
    await sockets[0].close();
    expect(await opens('?user_id=carol')).toBe(true);
    await Promise.all(sockets.slice(1).map((socket) => socket.close()));
  });
});

describe('a handshake in the log', () => {
  it('is one line, with nothing of its query', async () => {
    const lines = () => logs.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    logs.lines.length = 0;
    await opens('?user_id=canary', { 'X-Request-Id': 'socket-1' });
    await refusalOf(`${t.url}/api/v1/ws?ticket=canary`, { 'X-Request-Id': 'socket-2' });
    for (let i = 0; i < 2_000 && lines().length < 2; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    const [accepted, refused] = lines();
    expect(accepted).toMatchObject({
      msg: 'request',
      route: '/api/v1/ws',
      status: 101,
      close_code: 1005,
      request_id: 'socket-1',
    });
    expect(refused).toMatchObject({
      msg: 'request',
      route: '/api/v1/ws',
      status: 401,
      request_id: 'socket-2',
    });
    expect(lines()).toHaveLength(2);
    expect(logs.lines.join('')).not.toContain('canary');
  });
});
