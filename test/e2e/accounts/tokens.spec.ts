import { base64url, SignJWT } from 'jose';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { bearer, signUp, type Person } from '../../support/accounts';
import { createTestApp, type RunningApp } from '../../support/create-test-app';
import { sendRaw } from '../../support/raw-http';
import { refusalOf } from '../../support/socket-client';
import { TokenIssuer } from '../../support/token-issuer';
import { useChatApp } from '../../support/use-chat-app';

const ME = '/api/v1/auth/me';
const SECRET = 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e';
const encoded = (value: unknown) =>
  base64url.encode(typeof value === 'string' ? value : JSON.stringify(value));
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const now = () => Math.floor(Date.now() / 1000);

async function statusOf(t: RunningApp, token: string): Promise<number> {
  const { status, headers, body } = await t.request.get(ME).set('Authorization', `Bearer ${token}`);
  if (status === 401) expect(headers['www-authenticate']).toContain('Bearer realm="parley"');
  if (status !== 200) expect(JSON.stringify(body)).not.toContain(token.slice(0, 40));
  return status;
}

describe('access tokens', () => {
  let alice: Person;
  let claims: Record<string, unknown>;
  const t = useChatApp(
    { AUTH_MODE: 'token', JWT_SECRET: SECRET },
    { own: 'has accounts whose names others use' },
  );
  beforeAll(async () => {
    alice = await signUp(t.url, 'alice');
    claims = JSON.parse(Buffer.from(alice.access.split('.')[1], 'base64url').toString());
  });

  const signed = (changes: object = {}, header: object = {}, secret: string | Uint8Array = SECRET) => {
    const all = Object.entries({ ...claims, ...changes }).filter(([, value]) => value !== undefined);
    return new SignJWT(Object.fromEntries(all))
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', ...header })
      .sign(typeof secret === 'string' ? Buffer.from(secret) : secret);
  };

  /** One whose signature has such a character. */
  const signedWith = async (pattern: RegExp): Promise<string> => {
    for (let jti = 0; ; jti += 1) {
      const token = await signed({ jti: `${jti}` });
      if (pattern.test(token.split('.')[2])) return token;
    }
  };

  it('made as we make them are taken', async () => {
    expect(await statusOf(t, await signed())).toBe(200);
  });

  it.each(['none', 'None', 'NONE', 'nOnE', 'RS256', 'ES256', 'HS512', ''])(
    'by alg %j are not',
    async (alg) => {
      const [, payload, signature] = alice.access.split('.');
      const header = encoded({ alg, typ: 'at+jwt' });
      for (const token of [
        `${header}.${payload}.`,
        `${header}.${payload}`,
        `${header}.${payload}.${signature}`,
      ])
        expect(await statusOf(t, token)).toBe(401);
    },
  );

  it.each(['x', 'secret', 'changeme', `${SECRET}x`, SECRET.toLowerCase()])(
    'by the key %j are not',
    async (key) => {
      expect(await statusOf(t, await signed({}, {}, key))).toBe(401);
    },
  );

  it('that name where their key is are not, and nobody looks there', async () => {
    let hits = 0;
    const server = createServer((_request, response) => {
      hits += 1;
      response.end('{"keys":[]}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    for (const header of [
      { kid: '../../dev/null' },
      { kid: "' UNION SELECT 1--" },
      { jku: url },
      { x5u: url },
      { jwk: { kty: 'oct', k: encoded('x') } },
    ])
      expect(await statusOf(t, await signed({}, header, 'another secret'))).toBe(401);
    server.close();
    expect(hits).toBe(0);
  });

  it.each([
    [{ exp: undefined }],
    [{ exp: now() - 10 }],
    [{ exp: 'tomorrow' }],
    [{ exp: -1 }],
    [{ exp: null }],
    [{ nbf: now() + 600 }],
    [{ iat: now() + 600 }],
    [{ iat: now() - 100_000, exp: 9_999_999_999_999 }],
    [{ iat: undefined }],
    [{ sub: undefined }],
    [{ sub: null }],
    [{ sub: ['a'] }],
    [{ sub: { a: 1 } }],
    [{ sub: 5 }],
    [{ sub: '\0' }],
    [{ sub: 'somebody-else' }],
    [{ sid: undefined }],
    [{ sid: 'x' }],
    [{ sid: '019a5b1c-7f00-4000-8000-000000000001' }],
    [{ iss: 'other' }],
    [{ aud: 'other' }],
    [{ iss: undefined }],
    [{ aud: undefined }],
  ])('with %j are not', async (changes) => {
    expect(await statusOf(t, await signed(changes))).toBe(401);
  });

  it('with numbers beyond all bounds are not', async () => {
    for (const text of ['1e400', '-1e400', '{"a":1}'])
      expect(
        await statusOf(t, await rawlySigned(JSON.stringify(claims).replace(/"exp":\d+/, `"exp":${text}`))),
      ).toBe(401);
  });

  async function rawlySigned(payload: string): Promise<string> {
    const { createHmac } = await import('node:crypto');
    const content = `${encoded({ alg: 'HS256', typ: 'at+jwt' })}.${encoded(payload)}`;
    return `${content}.${createHmac('sha256', SECRET).update(content).digest('base64url')}`;
  }

  it('of another type are not', async () => {
    for (const typ of ['JWT', 'rt+jwt', undefined])
      expect(await statusOf(t, await signed({}, { typ }))).toBe(401);
  });

  it('with any bit of the signature flipped are not', async () => {
    const [header, payload, signature] = alice.access.split('.');
    for (let bit = 0; bit < 256; bit += 1) {
      const bytes = Buffer.from(signature, 'base64url');
      bytes[bit >> 3] ^= 1 << (bit & 7);
      expect(await statusOf(t, `${header}.${payload}.${bytes.toString('base64url')}`)).toBe(401);
    }
  }, 60_000);

  it('written in another way are not', async () => {
    const [header, payload, signature] = alice.access.split('.');
    const edited = encoded({ ...claims, role: 'admin' });
    // 32 bytes are 43 characters, the last of which has two bits that mean nothing.
    const last = ALPHABET.indexOf(signature.at(-1) ?? '');
    const respelt = [1, 2, 3].map((bits) => signature.slice(0, -1) + ALPHABET[last ^ bits]);
    const standard = await signedWith(/[-_]/);
    for (const token of [
      `${header}.${edited}.${signature}`,
      ...respelt.map((other) => `${header}.${payload}.${other}`),
      standard.replaceAll('-', '+').replaceAll('_', '/'),
      `${header}.${payload}.${signature.slice(0, 20)}\t${signature.slice(20)}`,
      `${alice.access}.x`,
      `${alice.access}=`,
      `x${alice.access}`,
    ])
      expect(await statusOf(t, token)).toBe(401);
    expect(payload).not.toBe(edited);
  });

  it.each([
    () => ['Authorization: bearer'],
    () => ['Authorization: Bearer  '],
    (token: string) => [`Authorization: Bearer  ${token}`],
    (token: string) => [`Authorization: Bearer ${token} x`],
    (token: string) => [`Authorization: Bearer ${token}, Bearer ${token}`],
    (token: string) => [`Authorization: Bearer ${token}`, `Authorization: Bearer ${token}`],
    (token: string) => [`Authorization: Basic ${token}`],
    (token: string) => [`Authorization: ${token}`],
    () => [`Authorization: Bearer ${'x'.repeat(15_000)}`],
    () => [`Authorization: Bearer ${'x'.repeat(200_000)}`],
    (token: string) => [`Cookie: access_token=${token}; Authorization=Bearer ${token}`],
    () => [`X-User-ID: ${alice.id}`],
    () => [`X-User-ID: ${alice.id}`, 'Authorization: Bearer x'],
    (token: string) => [`X-User-ID: ${alice.id}`, `Authorization: Bearer ${token}x`],
  ] as ((token: string) => string[])[])('in the wrong place are not: %#', async (lines) => {
    const text = [
      `GET ${ME} HTTP/1.1`,
      'Host: localhost',
      'Connection: close',
      ...lines(alice.access),
      '',
      '',
    ].join('\r\n');
    expect([401, 431]).toContain((await sendRaw(t.url, text)).status);
  });

  it('in the query are not', async () => {
    for (const name of ['access_token', 'token', 'ticket', 'user_id'])
      expect((await t.request.get(`${ME}?${name}=${alice.access}`)).status).toBe(401);
    expect((await t.request.get(`/api/v1/chat/${alice.id}/stream?user_id=${alice.id}`)).status).toBe(401);
  });

  it('stay valid beside an X-User-ID, which is ignored', async () => {
    const { body } = await bearer(t.url, alice.access).get<{ id: string }>('/auth/me', {
      'x-user-id': 'bob',
    });
    expect(body.id).toBe(alice.id);
    expect(await t.app.get(DataSource).query(`SELECT 1 FROM users WHERE id = 'bob'`)).toEqual([]);
  });

  it('cost no query once they are known', async () => {
    await bearer(t.url, alice.access).get('/models');
    const query = vi.spyOn(t.app.get(DataSource).manager, 'query');
    await bearer(t.url, alice.access).get('/models');
    const asked = query.mock.calls.filter(([sql]) => !sql.includes('revocations'));
    query.mockRestore();
    expect(asked).toEqual([]);
  });
});

describe("an issuer's tokens", () => {
  let issuer: TokenIssuer;
  const t = useChatApp(
    async () => {
      issuer = await TokenIssuer.start();
      return issuer.env;
    },
    { own: 'has an issuer of its own' },
  );
  afterAll(() => issuer.close());

  it.each(['auth0|42', '5be86359-073c-434b-ad2d-a3932222dabe', 'f:realm:alice'])(
    'name the user %s',
    async (sub) => {
      const { status, body } = await bearer(t.url, await issuer.token(sub)).get<{ id: string }>('/auth/me');
      expect([status, body.id]).toEqual([200, sub]);
    },
  );

  it.each(['RS256', 'PS256', 'ES384', 'EdDSA'])('may be signed by %s', async (alg) => {
    await issuer.addKey(alg, alg);
    const app = await createTestApp({ env: issuer.env });
    expect(await statusOf(app, await issuer.token('alice', {}, alg))).toBe(200);
    await app.close();
  });

  it.each([
    [{ exp: now() - 60 }],
    [{ exp: undefined }],
    [{ nbf: now() + 60 }],
    [{ iat: now() + 60 }],
    [{ iss: 'https://other.example' }],
    [{ iss: undefined }],
    [{ aud: 'other' }],
    [{ aud: ['other', 'another'] }],
    [{ aud: undefined }],
    [{ sub: undefined }],
    [{ sub: 5 }],
    [{ sub: '' }],
    [{ sub: 'a b' }],
    [{ sub: 'x'.repeat(129) }],
    [{ sub: 'é' }],
  ])('with %j are refused', async (claims) => {
    expect(await statusOf(t, await issuer.token('alice', claims))).toBe(401);
  });

  it('are refused when somebody else signed them, also with what is public', async () => {
    const payload = { iss: issuer.issuer, aud: issuer.audience, sub: 'alice', exp: now() + 60 };
    const publicKey = Buffer.from(JSON.stringify(await issuer.publicKeyOf('first')));
    const forged = await new SignJWT(payload)
      .setProtectedHeader({ alg: 'HS256', kid: 'first' })
      .sign(publicKey);
    expect(await statusOf(t, forged)).toBe(401);
    const unsigned = `${encoded({ alg: 'none', kid: 'first' })}.${encoded(payload)}.`;
    expect(await statusOf(t, unsigned)).toBe(401);
    const other = await TokenIssuer.start();
    expect(await statusOf(t, await other.token('alice'))).toBe(401);
    await other.close();
  });

  it('of an unknown key are refused, without asking the issuer each time', async () => {
    await issuer.addKey('hidden');
    const token = await issuer.token('alice', {}, 'hidden');
    issuer.dropKey('hidden');
    const before = issuer.asked;
    for (let i = 0; i < 20; i += 1) expect(await statusOf(t, token)).toBe(401);
    expect(issuer.asked - before).toBeLessThanOrEqual(1);
  });

  it('of a new key are taken, and of a withdrawn one no longer, after a while', async () => {
    const changing = await TokenIssuer.start();
    const app = await createTestApp({ env: changing.env });
    const old = await changing.token('alice');
    expect(await statusOf(app, old)).toBe(200);
    await changing.addKey('second');
    changing.dropKey('first');
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 11_000);
    try {
      expect(await statusOf(app, await changing.token('alice', {}, 'second'))).toBe(200);
      expect(await statusOf(app, old)).toBe(401);
    } finally {
      clock.mockRestore();
    }
    await app.close();
    await changing.close();
  });

  it('cannot be checked while the issuer is away, which is not their fault', async () => {
    const away = await TokenIssuer.start();
    const app = await createTestApp({ env: away.env });
    const token = await away.token('alice');
    away.down = true;
    const { status, headers, body } = await app.request.get(ME).set('Authorization', `Bearer ${token}`);
    expect([status, body.code, headers['retry-after']]).toEqual([503, 'issuer_unavailable', '5']);
    away.down = false;
    expect(await statusOf(app, token)).toBe(200);
    await app.close();
    await away.close();
  });

  it('do not fall through to X-User-ID', async () => {
    const request = t.as('alice').get(ME);
    expect((await request).status).toBe(401);
    expect((await t.as('alice').get(ME).set('Authorization', 'Bearer x')).status).toBe(401);
  });

  it('end the stream that they opened when they expire', async () => {
    const api = bearer(t.url, await issuer.token('brief', { exp: now() + 3 }));
    const conversation = await api.conversation();
    const feed = await api.feed(conversation.id);
    await api.say(conversation.id, 'Hello');
    const { events } = await feed.done();
    expect(events.at(-1)).toMatchObject({ type: 'error', data: { code: 'signed_out' } });
  }, 15_000);

  it('do not bring back who was erased, unless they say that they were made later', async () => {
    const api = bearer(t.url, await issuer.token('erased'));
    const undated = await issuer.token('erased', { iat: undefined });
    expect(await statusOf(t, undated)).toBe(200);
    expect((await api.delete('/users/erased')).status).toBe(204);
    expect(await statusOf(t, undated)).toBe(401);
    expect(await statusOf(t, await issuer.token('erased', { iat: now() + 1 }))).toBe(200);
    expect(await statusOf(t, undated)).toBe(401);
  });

  it('are not outlived by the tickets that they got', async () => {
    const ticket = await bearer(t.url, await issuer.token('briefer', { exp: now() + 1 })).ticket();
    await sleep(2_100);
    const refused = await refusalOf(`${t.url}/api/v1/ws?ticket=${ticket}`);
    expect([refused.status, refused.body.code]).toEqual([401, 'invalid_ticket']);
  });
});

describe('tokens by a shared secret', () => {
  it('are those of Supabase projects with a legacy secret', async () => {
    const env = { AUTH_MODE: 'jwks', JWT_SECRET: SECRET, JWT_AUDIENCE: 'authenticated' };
    const t = await createTestApp({ env });
    const sign = (secret: string, alg = 'HS256') =>
      new SignJWT({ role: 'authenticated', aud: 'authenticated', sub: 'b7c0', exp: now() + 60 })
        .setProtectedHeader({ alg, typ: 'JWT' })
        .sign(Buffer.from(secret));
    expect(await statusOf(t, await sign(SECRET))).toBe(200);
    expect(await statusOf(t, await sign(`${SECRET}x`))).toBe(401);
    expect(await statusOf(t, await sign(`${SECRET}${SECRET}`, 'HS512'))).toBe(401);
    await t.close();
  });
});
