import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAppConfig } from '../../../src/config/environment';
import { createTestApp } from '../../support/create-test-app';
import { useChatApp } from '../../support/use-chat-app';

const t = useChatApp();

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Exactly this path, and the body as it came. */
async function get(
  url: string,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  const sent = request(url, { method, path, headers });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await buffer(response) };
}

async function assets(): Promise<string[]> {
  const { body } = await get(t.url, '/');
  return [...body.toString().matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
}

describe('the page that the service has at /', () => {
  it('is asked for each time, and what it loads is kept for ever', async () => {
    const { status, headers } = await get(t.url, '/');
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-cache',
    ]);
    const loaded = await assets();
    expect(loaded.length).toBeGreaterThan(1);
    for (const path of loaded) {
      const asset = await get(t.url, path);
      expect([path, asset.status]).toEqual([path, 200]);
      expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(path).toMatch(/-[\w-]{8}\.(js|css)$/);
    }
  });

  it('lets nothing in that is not its own, and runs nothing that stands in the document', async () => {
    const { headers, body } = await get(t.url, '/');
    const policy = String(headers['content-security-policy']);
    for (const rule of [
      "script-src 'self'",
      "style-src 'self'",
      "object-src 'none'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ])
      expect(policy.split('; ')).toContain(rule);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(body.toString()).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|https?:\/\//);
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('is sent as small as the browser can take it', async () => {
    for (const path of ['/', ...(await assets())]) {
      const plain = await get(t.url, path);
      const small = await get(t.url, path, { 'accept-encoding': 'gzip, deflate, br' });
      expect([path, small.headers['content-encoding'], small.headers.vary]).toEqual([
        path,
        'br',
        'Accept-Encoding',
      ]);
      expect(brotliDecompressSync(small.body).equals(plain.body)).toBe(true);
      const zipped = await get(t.url, path, { 'accept-encoding': 'gzip, br;q=0' });
      expect(zipped.headers['content-encoding']).toBe('gzip');
      expect(gunzipSync(zipped.body).equals(plain.body)).toBe(true);
      const head = await get(t.url, path, {}, 'HEAD');
      expect([head.status, head.headers['content-length'], head.body.length]).toEqual([
        200,
        String(plain.body.length),
        0,
      ]);
    }
  });

  it.each([
    '/index.html.br',
    '/../package.json',
    '/assets/',
    '/assets',
    '/%2e%2e/package.json',
    '/src/main.ts',
    '/web/index.html',
  ])('has nothing at %s', async (path) => expect((await get(t.url, path)).status).toBe(404));

  it('gives way to the folder of the operator', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'parley-own-page-'));
    await writeFile(join(dir, 'index.html'), 'mine');
    const own = await createTestApp({ env: { PAGE_DIR: dir, PAGE: 'on' } });
    expect((await get(own.url, '/')).body.toString()).toBe('mine');
    await own.close();
    await rm(dir, { recursive: true });
  });

  it('is off in production unless it is asked for', () => {
    const production = { NODE_ENV: 'production', AUTH_PROXY_SECRET: 'a-long-secret-of-a-gateway' };
    expect(parseAppConfig({}).http.page).toBe(true);
    expect(parseAppConfig({ PAGE: 'off' }).http.page).toBe(false);
    expect(parseAppConfig(production).http.page).toBe(false);
    expect(parseAppConfig({ ...production, PAGE: 'on' }).http.page).toBe(true);
    expect(() => parseAppConfig({ PAGE: 'maybe' })).toThrow(/PAGE/);
  });
});
