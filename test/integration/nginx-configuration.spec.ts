import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const NGINX = '/usr/sbin/nginx';
const page = readFileSync(join(ROOT, 'docs/operate.md'), 'utf8');

it.runIf(existsSync(NGINX))('docs/operate.md shows a configuration that nginx takes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-nginx-'));
  try {
    const { stderr } = spawnSync(NGINX, ['-v'], { encoding: 'utf8' });
    const [, minor, patch] = /nginx\/1\.(\d+)\.(\d+)/.exec(stderr)!.map(Number);
    const hasHttp2On = minor > 25 || (minor === 25 && patch >= 1);
    const site = /^```nginx\n([\s\S]*?)^```$/m
      .exec(page)![1]
      .replace('http2 on;', hasHttp2On ? 'http2 on;' : '')
      // It opens what it is to listen at, which only root may do below 1024.
      .replaceAll(/listen +[\w.:[\]]+/g, (_, at: number) => `listen unix:${folder}/${at}`)
      .replace(/\/etc\/ssl\/\S+\.pem/, join(ROOT, 'test/fixtures/tls/self-signed.crt'))
      .replace(/\/etc\/ssl\/\S+\.key/, join(ROOT, 'test/fixtures/tls/self-signed.key'));
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const http = `${temporary.map((name) => `${name}_temp_path ${folder};`).join('\n')}\n${site}`;
    writeFileSync(
      join(folder, 'nginx.conf'),
      `pid ${folder}/pid; error_log stderr; events {}\nhttp { access_log off;\n${http}}\n`,
    );
    const { status, stderr: said } = spawnSync(NGINX, ['-t', '-p', folder, '-c', 'nginx.conf'], {
      encoding: 'utf8',
    });
    expect([status, said]).toEqual([0, expect.stringContaining('test is successful')]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
