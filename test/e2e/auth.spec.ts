import { DataSource } from 'typeorm';
import { createTestApp } from '../support/create-test-app';
import { ProbeModule } from '../support/probe.module';
import { sendRaw } from '../support/raw-http';
import { useChatApp } from '../support/use-chat-app';

const ME = '/api/v1/probe/me';
const STREAM = '/api/v1/probe/stream';
const TICKET = '/api/v1/auth/stream-ticket';
const SECRET = 'the-secret-of-the-gateway';

const t = useChatApp({}, { own: 'has routes of its own', imports: [ProbeModule] });

function raw(...headers: string[]) {
  return sendRaw(
    t.url,
    [`GET ${ME} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n'),
  );
}

async function usersNamed(id: string): Promise<number> {
  const rows = await t.app.get(DataSource).query<unknown[]>('SELECT 1 FROM users WHERE id = $1', [id]);
  return rows.length;
}

describe('every route', () => {
  const PUBLIC =
    /^\/(docs|redoc|metrics)?$|^\/api\/v1$|^\/(api\/v1\/)?health(\/|$)|^\/api\/v1\/(docs|redoc|openapi\.json)|^\/api\/v1\/auth\/(register|token|refresh|password\/(reset|forgot))$|^\/api\/v1\/shared\/:token$|^\/api\/v1\/probe\/(?!me|stream)/;

  /** From the router itself, so that a new route cannot be forgotten. */
  function routes(): [string, string][] {
    const { stack } = t.app.getHttpAdapter().getInstance().router as {
      stack: { route?: { path: string; methods: Record<string, boolean> } }[];
    };
    return stack.flatMap(({ route }) => {
      if (!route || route.methods.connect) return [];
      return Object.keys(route.methods).map((method): [string, string] => [method.toUpperCase(), route.path]);
    });
  }

  it('is closed unless it is marked public', async () => {
    const closed = routes().filter(([, path]) => !PUBLIC.test(path));
    expect(closed).toContainEqual(['POST', TICKET]);
    for (const [method, path] of closed) {
      const address = path.replaceAll(/:\w+/g, '0193a1c2-7d3e-7000-8000-000000000000');
      const { status, headers } = await sendRaw(
        t.url,
        `${method} ${address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      expect([method, path, status]).toEqual([method, path, 401]);
      expect(headers['www-authenticate']).toBe('X-User-ID realm="parley"');
    }
  });
});

describe('X-User-ID', () => {
  it.each([
    'a',
    'alice',
    'Alice',
    'alice@example.com',
    'auth0:42_x-y.z',
    'auth0|5f7c',
    'a+b@example.com',
    // gravitee-io/gravitee-access-management#857, tailscale/tailscale#18276, xibosignage/xibo#1703
    'user+tag#1',
    'john+test@example.com',
    'CORP\\alice',
    '!#$&()*~',
    'x'.repeat(128),
  ])('names the user %s', async (id) => {
    expect((await raw(`x-uSeR-iD: ${id}`)).body).toBe(JSON.stringify({ user_id: id }));
    expect(await usersNamed(id)).toBe(1);
  });

  it.each([
    ['is empty', ['X-User-ID:']],
    ['is blank', ['X-User-ID:    ']],
    ['comes twice', ['X-User-ID: alice', 'X-User-ID: alice']],
    ['comes twice with other cases', ['X-User-ID: alice', 'x-user-id: bob']],
    ['is a list', ['X-User-ID: alice, bob']],
    ['is a list without a space', ['X-User-ID: alice,bob']],
    ['has a space', ['X-User-ID: alice bob']],
    ['is too long', [`X-User-ID: ${'x'.repeat(129)}`]],
    ['is 10 kB long', [`X-User-ID: ${'x'.repeat(10_000)}`]],
    ['has a tab', ['X-User-ID: ali\tce']],
    ['looks like another', ['X-User-ID: аlice']],
    ['has an accent', ['X-User-ID: alicé']],
    ['has a slash', ['X-User-ID: ../alice']],
    ['has a quote', ["X-User-ID: alice'--"]],
    ['is quoted', ['X-User-ID: "alice"']],
  ])('is refused when it %s', async (_how, headers) => {
    const { status, body } = await raw(...headers);
    expect([status, JSON.parse(body).code]).toEqual([400, 'invalid_user_id']);
  });

  it('is not another header, a query parameter or a cookie', async () => {
    for (const header of [
      'X_User_ID: alice',
      'X-User-Id2: alice',
      'User-ID: alice',
      'Cookie: X-User-ID=alice',
      'Authorization: Bearer alice',
    ]) {
      expect((await raw(header)).status).toBe(401);
    }
    expect((await t.request.get(`${ME}?user_id=alice&X-User-ID=alice`)).status).toBe(401);
  });

  it('is compared exactly', async () => {
    await raw('X-User-ID: Case');
    expect([await usersNamed('Case'), await usersNamed('case')]).toEqual([1, 0]);
  });

  it('makes one row under fifty first requests at once', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => t.as('newcomer').get(ME)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await usersNamed('newcomer')).toBe(1);
  });

  it('costs no query the second time', async () => {
    await t.as('regular').get(ME);
    const query = vi.spyOn(t.app.get(DataSource).manager, 'query');
    await t.as('regular').get(ME);
    const asked = query.mock.calls.filter(([sql]) => !sql.includes('revocations'));
    expect(asked).toEqual([]);
    query.mockRestore();
  });
});

describe('Authorization of odd kinds', () => {
  it.each(['bearer', 'Bearer', 'Bearer  ', 'Bearer a, Bearer b', 'Basic YTpi', 'x'.repeat(15_000)])(
    'is nobody: %#',
    async (value) => {
      expect([401, 431]).toContain((await raw(`Authorization: ${value}`)).status);
    },
  );

  it('does not disturb an identity', async () => {
    expect((await raw('Authorization: Bearer x', 'X-User-ID: alice')).status).toBe(200);
  });
});

describe('AUTH_PROXY_SECRET', () => {
  const guarded = useChatApp(
    { AUTH_PROXY_SECRET: SECRET },
    { own: 'has routes of its own', imports: [ProbeModule] },
  );

  it('lets the gateway name users', async () => {
    expect((await guarded.as('alice').get(ME).set('X-Proxy-Secret', SECRET)).body).toEqual({
      user_id: 'alice',
    });
  });

  it.each([undefined, '', 'x', SECRET.slice(1), `${SECRET}x`, SECRET.toUpperCase(), `${SECRET}, ${SECRET}`])(
    'refuses the secret %j',
    async (secret) => {
      const request = guarded.as('alice').get(ME);
      const { status, headers, text } = await (secret === undefined
        ? request
        : request.set('X-Proxy-Secret', secret));
      expect([status, headers['www-authenticate']]).toEqual([401, 'X-User-ID realm="parley"']);
      expect(text).not.toContain(SECRET);
    },
  );

  it('refuses it twice, in the query, and without a user', async () => {
    const lines = [
      `GET ${ME} HTTP/1.1`,
      'Host: localhost',
      'Connection: close',
      'X-User-ID: alice',
      `X-Proxy-Secret: ${SECRET}`,
      `X-Proxy-Secret: ${SECRET}`,
      '',
      '',
    ];
    expect((await sendRaw(guarded.url, lines.join('\r\n'))).status).toBe(401);
    expect((await guarded.as('alice').get(`${ME}?X-Proxy-Secret=${SECRET}`)).status).toBe(401);
    expect((await guarded.request.get(ME).set('X-Proxy-Secret', SECRET)).status).toBe(401);
  });

  it('is needed for ?user_id= as well', async () => {
    expect((await guarded.request.get(`${STREAM}?user_id=alice`)).status).toBe(401);
    expect((await guarded.request.get(`${STREAM}?user_id=alice`).set('X-Proxy-Secret', SECRET)).status).toBe(
      200,
    );
  });
});

describe('AUTH_TRUSTED_PROXIES', () => {
  it.each([
    ['127.0.0.0/8', 200],
    ['10.0.0.0/8', 401],
    ['::1', 401],
    ['10.0.0.0/8,127.0.0.1', 200],
  ])('%s and a peer at 127.0.0.1: %i', async (ranges, status) => {
    const guarded = await createTestApp({ imports: [ProbeModule], env: { AUTH_TRUSTED_PROXIES: ranges } });
    try {
      const answer = await guarded
        .as('alice')
        .get(ME)
        .set('X-Forwarded-For', '10.0.0.1')
        .set('Forwarded', 'for=10.0.0.1')
        .set('X-Real-IP', '10.0.0.1');
      expect(answer.status).toBe(status);
    } finally {
      await guarded.close();
    }
  });
});

describe('stream routes', () => {
  async function ticketOf(userId: string): Promise<string> {
    const { status, body } = await t.as(userId).post(TICKET);
    expect([status, body.expires_in]).toEqual([200, 60]);
    expect(body.ticket).toMatch(/^[A-Za-z0-9_-]{43}$/);
    return body.ticket as string;
  }

  it('take a ticket once, and hide it from the handler', async () => {
    const ticket = await ticketOf('alice');
    const first = await t.request.get(`${STREAM}?ticket=${ticket}&limit=5`);
    expect([first.status, first.body]).toEqual([200, { user_id: 'alice', query: { limit: 5 } }]);
    const second = await t.request.get(`${STREAM}?ticket=${ticket}`);
    expect([second.status, second.body.code, second.headers['www-authenticate']]).toEqual([
      401,
      'invalid_ticket',
      expect.any(String),
    ]);
    expect(second.text).not.toContain(ticket);
  });

  it('take one of twenty at once', async () => {
    const ticket = await ticketOf('alice');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => t.request.get(`${STREAM}?ticket=${ticket}`)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('refuse tickets that are wrong or expired', async () => {
    const ticket = await ticketOf('alice');
    await t.app.get(DataSource).query(`UPDATE stream_tickets SET expires_at = now() - interval '1 second'`);
    for (const wrong of [ticket, '', 'x', 'A'.repeat(43), 'A'.repeat(5000), "'%20OR%201=1--"]) {
      expect((await t.request.get(`${STREAM}?ticket=${wrong}`)).status).toBe(401);
    }
    expect((await t.request.get(`${STREAM}?ticket=${ticket}&ticket=${ticket}`)).status).toBe(400);
  });

  it('sweep expired tickets and store none', async () => {
    await ticketOf('alice');
    await t.app.get(DataSource).query(`UPDATE stream_tickets SET expires_at = now() - interval '1 second'`);
    const ticket = await ticketOf('bob');
    const rows = await t.app
      .get(DataSource)
      .query<{ user_id: string; token_hash: Buffer }[]>('SELECT * FROM stream_tickets');
    expect(rows.map(({ user_id }) => user_id)).toEqual(['bob']);
    expect(JSON.stringify(rows)).not.toContain(ticket);
    expect(rows[0].token_hash.toString('base64url')).not.toBe(ticket);
  });

  it('take ?user_id= on a loopback address', async () => {
    expect((await t.request.get(`${STREAM}?user_id=carol`)).body).toEqual({
      user_id: 'carol',
      query: { limit: 20 },
    });
    expect((await t.request.get(`${STREAM}?user_id=a%20b`)).body.code).toBe('invalid_user_id');
    expect((await t.request.get(`${STREAM}?user_id=`)).body.code).toBe('invalid_user_id');
  });

  it('do not take ?user_id= elsewhere', async () => {
    const open = await createTestApp({ imports: [ProbeModule], env: { HOST: '0.0.0.0' } });
    try {
      expect((await open.request.get(`${STREAM}?user_id=carol`)).status).toBe(401);
    } finally {
      await open.close();
    }
  });

  it('let the header win', async () => {
    const ticket = await ticketOf('alice');
    expect((await t.as('bob').get(`${STREAM}?ticket=${ticket}&user_id=carol`)).body.user_id).toBe('bob');
    expect((await raw('X-User-ID: a b')).status).toBe(400);
    expect((await t.request.get(`${STREAM}?ticket=${ticket}`)).body.user_id).toBe('alice');
  });

  it('are not opened by HEAD', async () => {
    const { status, headers } = await t.as('alice').head(STREAM);
    expect([status, headers.allow]).toEqual([405, 'GET']);
  });

  it('are the only ones that take a ticket', async () => {
    const ticket = await ticketOf('alice');
    expect((await t.request.get(`${ME}?ticket=${ticket}`)).status).toBe(401);
    expect((await t.request.get(`${STREAM}?ticket=${ticket}`)).status).toBe(200);
  });
});
