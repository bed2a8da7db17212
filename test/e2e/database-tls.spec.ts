import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { SpawnedService } from '../support/spawned-service';

const ROOT = join(__dirname, '../..');
const hasBinaries =
  fs.existsSync('/usr/lib/postgresql') && spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0;
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

/** A PostgreSQL that begins without TLS. */
describe.runIf(hasBinaries)('a start on a PostgreSQL', () => {
  let folder: string;
  let url: string;

  beforeAll(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'parley-tls-'));
    url = postgres('start');
  });
  afterAll(() => {
    postgres('stop');
    fs.rmSync(folder, { recursive: true });
  });

  function postgres(action: string): string {
    return execFileSync('bash', [join(ROOT, '.ci/postgres'), action, folder], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  }

  /** Signs itself, for a name that is not the one it is reached by. */
  async function useTls(): Promise<void> {
    const data = join(folder, 'postgresql');
    const [key, certificate] = [join(data, 'server.key'), join(data, 'server.crt')];
    const subject = ['-subj', '/CN=database.example', '-addext', 'subjectAltName=DNS:database.example'];
    const files = ['-keyout', key, '-out', certificate];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files],
      {
        stdio: 'ignore',
      },
    );
    const { uid, gid } = fs.statSync(data);
    for (const file of [key, certificate]) fs.chownSync(file, uid, gid);
    fs.chmodSync(key, 0o600);
    const client = new Client(url);
    await client.connect();
    await client.query('ALTER SYSTEM SET ssl = on');
    await client.query('SELECT pg_reload_conf()');
    await client.end();
    await vi.waitFor(async () => {
      const encrypted = new Client({ connectionString: url, ssl: { rejectUnauthorized: false } });
      await encrypted.connect();
      await encrypted.end();
    }, 20_000);
  }

  /** What it says when it ends. */
  async function refusal(query: string): Promise<string> {
    const service = new SpawnedService(folder, { DATABASE_URL: `${url}?${query}`, LOG_LEVEL: 'error' });
    const code = await service.exit;
    expect([code, service.output]).toEqual([1, expect.not.stringMatching(/^ {4}at /m)]);
    return service.output;
  }

  it('explains one without TLS, a certificate that signs itself, and one of another name', async () => {
    for (const query of ['ssl=true', 'sslmode=require', 'sslmode=verify-full'])
      expect(await refusal(query)).toMatch(
        /^ {2}- DATABASE_URL: the server does not support TLS; say sslmode=disable if that is intended$/m,
      );
    await useTls();
    const unproven =
      /^ {2}- DATABASE_URL: the server's certificate is not accepted \(.*\)\. Name its authority by sslrootcert/m;
    expect(await refusal('ssl=true')).toMatch(unproven);
    expect(await refusal('sslmode=verify-full')).toMatch(unproven);
    const certificate = join(folder, 'ca.pem');
    fs.copyFileSync(join(folder, 'postgresql/server.crt'), certificate);
    expect(await refusal(`sslmode=verify-full&sslrootcert=${certificate}`)).toMatch(
      /^ {2}- DATABASE_URL: the server's certificate is of another name \(.*\)\. .*sslmode=verify-ca/m,
    );
    const service = new SpawnedService(folder, {
      DATABASE_URL: `${url}?sslmode=verify-ca&sslrootcert=${certificate}`,
    });
    await service.ready();
    await service.kill();
  });
});
