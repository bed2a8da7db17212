import { Logger } from '@nestjs/common';
import { PARAMS_PROVIDER_TOKEN } from 'nestjs-pino';
import { loggerParams } from '../../src/logging/logging.module';
import { ProcessIdentity } from '../../src/observability/process-identity';
import { ProbeModule } from '../support/probe.module';
import { sendRaw } from '../support/raw-http';
import { useChatApp } from '../support/use-chat-app';

const SECRET = 'canary-proxy-secret-1234';
const lines: Record<string, unknown>[] = [];

const destination = { write: (text: string) => void lines.push(JSON.parse(text)) };
const params = loggerParams(
  { level: 'trace', format: 'json', content: false },
  new ProcessIdentity(),
  destination,
);
const t = useChatApp(
  { AUTH_PROXY_SECRET: SECRET },
  {
    own: 'reads its log, and has routes of its own',
    imports: [ProbeModule],
    overrides: [{ provide: PARAMS_PROVIDER_TOKEN, useValue: params }],
  },
);
beforeEach(() => {
  lines.length = 0;
});

/** The line of a request comes when its connection lets go of it. */
async function requestLines(count = 1): Promise<Record<string, unknown>[]> {
  for (let i = 0; i < 2_000; i += 1) {
    const found = lines.filter(({ msg }) => msg === 'request');
    if (found.length >= count) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`No line for the request among: ${JSON.stringify(lines)}`);
}

describe('logs', () => {
  it('have one line for a request', async () => {
    await t
      .as('alice')
      .get('/api/v1/probe/me?x=canary')
      .set({ 'X-Proxy-Secret': SECRET, 'X-Request-Id': 'my-id' });
    const [line] = await requestLines();
    expect(line).toMatchObject({
      level: 30,
      request_id: 'my-id',
      method: 'GET',
      route: '/api/v1/probe/me',
      status: 200,
      user_id: 'alice',
      ms: expect.any(Number),
    });
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain('canary');
  });

  it('have one for a request that no route has seen', async () => {
    await t.request.post('/api/v1/probe/echo').set('Content-Type', 'text/plain').send('canary');
    await t.request.get('/nothing?canary=1');
    expect(await requestLines(2)).toMatchObject([
      { status: 415, route: '/api/v1/probe/echo' },
      { status: 404, route: '/nothing' },
    ]);
    expect(JSON.stringify(lines)).not.toContain('canary');
  });

  it('tell what went wrong, with the id that the client got', async () => {
    const { body } = await t.request.get('/api/v1/probe/fail/error');
    await requestLines();
    const failure = lines.find(({ level }) => level === 50);
    expect(failure).toMatchObject({
      request_id: body.request_id,
      context: 'Http',
      err: { type: 'Error', message: 'canary: secret internals' },
    });
    expect(failure).toMatchObject({ err: { stack: expect.stringContaining('probe.module') } });
  });

  it('tell why a provider failed', async () => {
    const { body } = await t.request.get('/api/v1/probe/fail/provider');
    await requestLines();
    expect(lines.find(({ context }) => context === 'Http')).toMatchObject({
      level: 40,
      request_id: body.request_id,
      code: 'provider_failed',
    });
  });

  it('never hold what a failed statement was about', async () => {
    await t.request.get('/api/v1/probe/fail/database');
    await requestLines();
    expect(JSON.stringify(lines)).not.toContain('canary');
  });

  it('hold no ticket, secret or credential', async () => {
    const { body } = await t.as('alice').post('/api/v1/auth/stream-ticket').set('X-Proxy-Secret', SECRET);
    await t.request
      .get(`/api/v1/probe/stream?ticket=${body.ticket}`)
      .set({ Authorization: 'Bearer canary', Cookie: 'session=canary' });
    await t.request.get(`/api/v1/probe/fail/error?ticket=${body.ticket}`);
    await requestLines(3);
    const logged = JSON.stringify(lines).replaceAll('canary: secret internals', '');
    expect(logged).not.toContain(body.ticket);
    expect(logged).not.toContain('canary');
  });

  it('hide secrets that are logged by mistake', () => {
    const headers = { authorization: 'canary', cookie: 'canary', 'x-proxy-secret': 'canary' };
    new Logger('Test').log({
      headers,
      password: 'canary',
      provider: { apiKey: 'canary' },
      req: { headers },
      msg: 'oops',
    });
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain('canary');
    expect(JSON.stringify(lines)).toContain('[redacted]');
  });

  it('cannot be forged', async () => {
    await sendRaw(
      t.url,
      'GET /api/v1/probe/open%0d%0a{"level":60} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a"b\r\nConnection: close\r\n\r\n',
    );
    expect(await requestLines()).toMatchObject([{ request_id: expect.stringMatching(/^req_/), status: 404 }]);
  });
});
