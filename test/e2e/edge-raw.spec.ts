import { ProbeController, ProbeModule } from '../support/probe.module';
import { sendRaw } from '../support/raw-http';
import { useChatApp } from '../support/use-chat-app';

const OPEN = '/api/v1/probe/open';
const ECHO = '/api/v1/probe/echo';

const t = useChatApp({}, { own: 'has routes of its own', imports: [ProbeModule] });
beforeEach(() => {
  ProbeController.calls = 0;
});

function head(requestLine: string, ...headers: string[]): string {
  return [requestLine, 'Host: localhost', ...headers, '', ''].join('\r\n');
}

function get(...headers: string[]): string {
  return head(`GET ${OPEN} HTTP/1.1`, 'Connection: close', ...headers);
}

describe('what no honest client sends', () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => `X-H${i}: 1`);
  const cases: [string, string, number[]][] = [
    ['an unknown method', head(`BREW ${OPEN} HTTP/1.1`), [400]],
    ['a method in lower case', head(`get ${OPEN} HTTP/1.1`), [400]],
    ['TRACE', head(`TRACE ${OPEN} HTTP/1.1`, 'Connection: close'), [405]],
    ['CONNECT', head('CONNECT evil.example:443 HTTP/1.1'), [0, 400]],
    ['PROPFIND', head(`PROPFIND ${OPEN} HTTP/1.1`, 'Connection: close'), [405]],
    ['GET with a body', head(`GET ${OPEN} HTTP/1.1`, 'Connection: close', 'Content-Length: 2') + '{}', [400]],
    [
      'GET with a chunked body',
      head(`GET ${OPEN} HTTP/1.1`, 'Connection: close', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
      [400],
    ],
    ['an absolute target', head(`GET http://evil.example${OPEN} HTTP/1.1`, 'Connection: close'), [400]],
    ['a target that is no path', head('GET x HTTP/1.1', 'Connection: close'), [400]],
    ['the asterisk', head('OPTIONS * HTTP/1.1', 'Connection: close'), [400]],
    ['a malformed escape', head(`GET ${OPEN}/%zz HTTP/1.1`, 'Connection: close'), [400]],
    [
      'length and chunks',
      head(`POST ${ECHO} HTTP/1.1`, 'Content-Length: 5', 'Transfer-Encoding: chunked') +
        '0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n',
      [400],
    ],
    ['two lengths', head(`POST ${ECHO} HTTP/1.1`, 'Content-Length: 2', 'Content-Length: 40') + '{}', [400]],
    ['a length list', head(`POST ${ECHO} HTTP/1.1`, 'Content-Length: 2, 2') + '{}', [400]],
    ['a negative length', head(`POST ${ECHO} HTTP/1.1`, 'Content-Length: -1') + '{}', [400]],
    [
      'chunks that are not last',
      head(`POST ${ECHO} HTTP/1.1`, 'Transfer-Encoding: chunked, x') + '0\r\n\r\n',
      [400],
    ],
    [
      'a bad chunk size',
      head(`POST ${ECHO} HTTP/1.1`, 'Content-Type: application/json', 'Transfer-Encoding: chunked') +
        'zz\r\n{}\r\n0\r\n\r\n',
      [400],
    ],
    ['bare line feeds', `GET ${OPEN} HTTP/1.1\nHost: localhost\n\n`, [400]],
    ['a folded header', head(`GET ${OPEN} HTTP/1.1`, 'X-A: 1\r\n  folded'), [400]],
    ['a space before the colon', head(`GET ${OPEN} HTTP/1.1`, 'X-A : 1'), [400]],
    ['NUL in a header', get('X-A: a\0b'), [400]],
    ['no host', `GET ${OPEN} HTTP/1.1\r\n\r\n`, [400]],
    ['a header of 20 kB', get(`X-A: ${'x'.repeat(20_000)}`), [431]],
    ['200 headers', get(...many(200)), [431]],
    ['2,000 headers', get(...many(2000)), [431]],
    ['an address of a megabyte', head(`GET ${OPEN}?q=${'x'.repeat(1_000_000)} HTTP/1.1`), [431]],
    ['an unknown expectation', get('Expect: the-unexpected'), [417]],
    ['another protocol', 'SSH-2.0-OpenSSH_9.0\r\n', [400]],
    ['HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [0, 400]],
  ];

  it.each(cases)('%s', async (_name, bytes, statuses) => {
    const { status, count } = await sendRaw(t.url, bytes);
    expect(statuses).toContain(status);
    expect(count).toBeLessThanOrEqual(1);
    expect(ProbeController.calls).toBe(0);
  });

  it('gets a problem, even from the parser', async () => {
    const { status, headers, body } = await sendRaw(t.url, get(`X-A: ${'x'.repeat(20_000)}`));
    expect(headers).toMatchObject({
      'content-type': 'application/problem+json',
      'x-content-type-options': 'nosniff',
      connection: 'close',
    });
    expect(JSON.parse(body)).toMatchObject({
      status,
      code: 'headers_too_large',
      request_id: headers['x-request-id'],
    });
  });

  it('leaves the server as it was', async () => {
    expect((await sendRaw(t.url, get())).status).toBe(200);
  });
});

describe('what some honest clients send', () => {
  const cases: [string, string, number][] = [
    [
      'Expect: 100-continue',
      head(
        `POST ${ECHO} HTTP/1.1`,
        'Connection: close',
        'Expect: 100-continue',
        'Content-Type: application/json',
        'Content-Length: 12',
      ) + '{"text":"x"}',
      201,
    ],
    [
      'chunks',
      head(
        `POST ${ECHO} HTTP/1.1`,
        'Connection: close',
        'Content-Type: application/json',
        'Transfer-Encoding: chunked',
      ) + 'c\r\n{"text":"x"}\r\n0\r\n\r\n',
      201,
    ],
    [
      'no body, and says so',
      head(
        `GET ${OPEN} HTTP/1.1`,
        'Connection: close',
        'Content-Length: 0',
        'Content-Type: application/json',
      ),
      200,
    ],
    ['HEAD', head(`HEAD ${OPEN} HTTP/1.1`, 'Connection: close'), 200],
    ['HTTP/1.0', `GET ${OPEN} HTTP/1.0\r\n\r\n`, 200],
    ['127 headers', get(...Array.from({ length: 124 }, (_, i) => `X-H${i}: 1`)), 200],
  ];

  it.each(cases)('%s', async (_name, bytes, status) => {
    expect((await sendRaw(t.url, bytes)).status).toBe(status);
  });
});

it('keeps connections longer than load balancers do', () => {
  const server = t.app.getHttpServer();
  expect(server.keepAliveTimeout).toBe(75_000);
  expect(server.headersTimeout).toBeGreaterThan(server.keepAliveTimeout);
  expect(server.requestTimeout).toBeGreaterThan(0);
});
