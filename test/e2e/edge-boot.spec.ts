import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNodeVersion } from '../../src/node-version';

const DIST = join(__dirname, '../../dist/src');
/** Each test starts a process or two, which takes long on a machine that has other things to do. */
vi.setConfig({ testTimeout: 300_000 });
const KEEP = ['PATH', 'HOME', 'TMPDIR'];
let directory: string;
const started: Service[] = [];

beforeAll(() => {
  if (!existsSync(join(DIST, 'main.js')))
    throw new Error('These tests start the compiled service: run "npm run build" first.');
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'parley-boot-'));
});
afterEach(async () => {
  // What a failed test left behind would keep the test run from ending.
  for (const service of started.splice(0)) {
    service.signal('SIGKILL');
    await service.exit;
  }
  rmSync(directory, { recursive: true, force: true });
});

class Service {
  output = '';
  readonly exit: Promise<number | null>;
  private readonly child: ChildProcess;

  /** `within`: a command that runs the one that follows it. */
  constructor(script: string, env: NodeJS.ProcessEnv, args: string[] = [], within: string[] = []) {
    const inherited = Object.fromEntries(KEEP.map((name) => [name, process.env[name]]));
    const flags = process.execArgv.filter((flag) => flag === '--liftoff-only');
    const [program, ...rest] = [...within, process.execPath, ...flags, join(DIST, script), ...args];
    this.child = spawn(program, rest, {
      cwd: directory,
      env: { ...inherited, DATA_DIR: join(directory, 'data'), PORT: '0', ...env },
    });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.exit = new Promise((resolve) => this.child.once('exit', resolve));
    started.push(this);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** The address that the service says it listens on. */
  async url(): Promise<string> {
    // A machine that is busy with other things takes long to start one.
    for (const end = Date.now() + 180_000; Date.now() < end; await sleep(100)) {
      const url = /listens on (http:\/\/[^/]+)\/api\/v1/.exec(this.output)?.[1];
      if (url) return url;
    }
    throw new Error(`It does not listen:\n${this.output}`);
  }
}

const MODELS = `providers:
  - {name: here, kind: openai, base_url: "http://127.0.0.1:9/v1"}
  - {name: there, kind: openai, base_url: "https://models.example.com/v1"}
models:
  - {id: first, provider: here, context_window: 8192}
  - {id: second, provider: there, context_window: 8192}
  - {id: third, provider: here, context_window: 8192}
default_model: first
`;

/** Of lines in JSON. */
function messagesOf({ output }: Service): string[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
}

/** The commands of the greeting, one after the other as they are pasted. */
async function printed(service: Service): Promise<string> {
  await service.url();
  const commands = () =>
    messagesOf(service).flatMap((line) => /^ {2}(?:account|token|try) +(.*)$/.exec(line)?.[1] ?? []);
  await vi.waitFor(() => expect(commands().at(-1)).toMatch(/^curl -N /), 10_000);
  return commands().join('\n');
}

/** What the system allows at most; unknown where there is no such file. */
function longestBacklog(): number {
  const file = '/proc/sys/net/core/somaxconn';
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}

// A connection for which there is no room is tried again by its client's system after one second, three, seven.
it.runIf(longestBacklog() >= 2_000)(
  'takes 1,500 connections that come while it is busy',
  { timeout: 300_000 },
  async () => {
    const service = new Service('main.js', {});
    const { hostname, port } = new URL(await service.url());
    service.signal('SIGSTOP');
    const sockets = Array.from({ length: 1_500 }, () => connect(Number(port), hostname));
    try {
      await vi.waitFor(() => expect(sockets.filter(({ pending }) => pending)).toHaveLength(0), 20_000);
    } finally {
      service.signal('SIGCONT');
    }
    const answers = sockets.map(async (socket) => {
      socket.end('GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      let text = '';
      for await (const piece of socket) text += String(piece);
      return text.split('\r\n', 1)[0];
    });
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['HTTP/1.1 200 OK']));
  },
);

/** Root may, where namespaces are allowed. */
function canMount(): boolean {
  return spawnSync('unshare', ['--mount', 'true']).status === 0;
}

describe('a start that cannot succeed', () => {
  it('names what is wrong and nothing else', async () => {
    const service = new Service('main.js', {
      PORT: 'canary',
      LOG_LEVEL: 'canary',
      AUTH_PROXY_SECRET: 'canary',
    });
    expect(await service.exit).toBe(1);
    expect(service.output.trim().split('\n')).toEqual([
      'Invalid configuration:',
      expect.stringMatching(/^ {2}- PORT must/),
      expect.stringMatching(/^ {2}- AUTH_PROXY_SECRET must/),
      expect.stringMatching(/^ {2}- LOG_LEVEL must/),
    ]);
    expect(service.output).not.toContain('canary');
  });

  it('is one in production without a trusted gateway', async () => {
    const service = new Service('main.js', { NODE_ENV: 'production' });
    expect(await service.exit).toBe(1);
    expect(service.output).toContain('AUTH_PROXY_SECRET or AUTH_TRUSTED_PROXIES must be set');
  });

  it('reads .env', async () => {
    writeFileSync(join(directory, '.env'), 'LOG_LEVEL=loud\n');
    const service = new Service('main.js', {});
    expect(await service.exit).toBe(1);
    expect(service.output).toMatch(/- LOG_LEVEL must/);
  });

  it('explains a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const service = new Service('main.js', { PORT: String(port), LOG_LEVEL: 'error' });
    expect(await service.exit).toBe(1);
    expect(service.output).toContain('Choose another PORT');
    expect(service.output).not.toContain('    at ');
    other.close();
  });

  it.each([
    ['a file', (path: string) => path],
    ['below a file', (path: string) => join(path, 'data')],
  ])('explains a DATA_DIR that is %s', async (_what, dataDir) => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const service = new Service('main.js', { DATA_DIR: dataDir(file), LOG_LEVEL: 'error' });
    expect(await service.exit).toBe(1);
    expect(service.output).toMatch(/^DATA_DIR: .* is (not a folder|a file)/m);
    expect(service.output).not.toMatch(/^ {4}at /m);
  });

  // A disk of its own: mounted in a namespace of this process alone.
  it.runIf(canMount())('explains a disk that is full, or may only be read', async () => {
    for (const [options, expected] of [
      ['size=8m', /^DATA_DIR: .* is on a disk without room \(ENOSPC\)/m],
      ['ro', /^DATA_DIR: .* on a file system that is read-only/m],
    ] as const) {
      const disk = join(directory, options);
      mkdirSync(disk);
      const service = new Service(
        'main.js',
        { DATA_DIR: join(disk, 'data'), LOG_LEVEL: 'error' },
        [],
        ['unshare', '--mount', 'sh', '-c', `mount -t tmpfs -o ${options} none '${disk}' && exec "$@"`, 'sh'],
      );
      expect(await service.exit).toBe(1);
      expect(service.output).toMatch(expected);
      expect(service.output).not.toMatch(/^ {4}at /m);
    }
  });

  it.runIf(canMount())('explains a disk that is full after the first start', async () => {
    const first = new Service('main.js', {});
    await first.url();
    first.signal('SIGTERM');
    await first.exit;
    const disk = join(directory, 'full');
    mkdirSync(disk);
    const fill = `dd if=/dev/zero of='${disk}/rest' bs=4k 2>&-`;
    const service = new Service(
      'main.js',
      { DATA_DIR: join(disk, 'data'), LOG_LEVEL: 'error' },
      [],
      [
        'unshare',
        '--mount',
        'sh',
        '-c',
        `mount -t tmpfs -o size=200m none '${disk}' && cp -r data '${disk}' && { ${fill}; exec "$@"; }`,
        'sh',
      ],
    );
    expect(await service.exit).toBe(1);
    expect(service.output).toMatch(/^DATA_DIR: .* is on a disk without room \(ENOSPC\)/m);
    expect(service.output).not.toMatch(/^ {4}at /m);
  });

  it.each([
    ['a kind of TLS that it does not have', 'sslmode=prefer'],
    ['a certificate that is not there', 'sslmode=verify-full&sslrootcert=/nowhere.pem'],
  ])('explains a DATABASE_URL with %s', async (_what, query) => {
    const service = new Service('main.js', {
      DATABASE_URL: `postgres://parley:canary@127.0.0.1:9/parley?${query}`,
    });
    expect(await service.exit).toBe(1);
    expect(service.output).toMatch(/^Invalid configuration:\n {2}- DATABASE_URL: .+\n$/);
    expect(service.output).not.toContain('canary');
  });

  // What is run as another user must be somewhere that this one may reach.
  it.runIf(process.getuid?.() === 0)('explains a DATA_DIR of another user', async () => {
    chmodSync(directory, 0o711);
    const first = new Service('main.js', {});
    await first.url();
    first.signal('SIGTERM');
    await first.exit;
    const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const outcome = async (where: string) => {
      const service = new Service(
        'main.js',
        { DATA_DIR: join(directory, where), LOG_LEVEL: 'error' },
        [],
        asNobody,
      );
      expect([await service.exit, service.output]).toEqual([1, expect.not.stringMatching(/^ {4}at /m)]);
      return service.output;
    };
    expect(await outcome('new')).toMatch(
      /^DATA_DIR: .*new may not be read and written by this user \(EACCES\)/m,
    );
    chmodSync(join(directory, 'data'), 0o777);
    expect(await outcome('data')).toMatch(
      /^DATA_DIR: .*PG_VERSION may not be read and written by this user/m,
    );
    chmodSync(join(directory, 'data/postgres'), 0o755);
    for (const name of readdirSync(join(directory, 'data/postgres'), { recursive: true, encoding: 'utf8' }))
      chmodSync(join(directory, 'data/postgres', name), 0o755);
    expect(await outcome('data')).toMatch(
      /- DATA_DIR: .*postgres may not be read and written by this user\. Give/m,
    );
  });

  it('explains files of its database that are damaged', async () => {
    const first = new Service('main.js', {});
    await first.url();
    first.signal('SIGTERM');
    await first.exit;
    writeFileSync(join(directory, 'data/postgres/global/pg_control'), Buffer.alloc(8192));
    const service = new Service('main.js', { LOG_LEVEL: 'error' });
    expect(await service.exit).toBe(1);
    expect(service.output).toMatch(
      /^ {2}- DATA_DIR: the files of .*postgres may be damaged \(.+Restore a backup/m,
    );
    expect(service.output).not.toMatch(/^ {4}at /m);
  });

  it('explains a name in HOST that nobody knows', async () => {
    const service = new Service('main.js', { HOST: 'nowhere.invalid', LOG_LEVEL: 'error' });
    expect(await service.exit).toBe(1);
    expect(service.output).toMatch(/^HOST: nowhere\.invalid is not known by the name service/m);
    expect(service.output).not.toMatch(/^ {4}at /m);
  });

  it('explains an address that the machine does not have', async () => {
    const service = new Service('main.js', { HOST: '203.0.113.7', LOG_LEVEL: 'error' });
    expect(await service.exit).toBe(1);
    expect(service.output).toMatch(/^HOST: .*no such address/m);
  });

  it('explains an old Node', () => {
    const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
    const write = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
    assertNodeVersion('24.7.0');
    assertNodeVersion('26.0.0');
    expect(exit).not.toHaveBeenCalled();
    assertNodeVersion('20.19.0');
    expect(exit).toHaveBeenCalledWith(1);
    expect(write).toHaveBeenCalledWith(
      expect.stringMatching(/needs Node\.js 24\.7 or newer, and this is 20\.19\.0/),
    );
    vi.restoreAllMocks();
  });
});

describe('a start', () => {
  it('says where it listens and ends with SIGTERM', async () => {
    const service = new Service('main.js', {});
    const url = await service.url();
    expect(service.output).toContain(`${url}/api/v1/docs`);
    expect(service.output).toMatch(/Parley \d+\.\d+\.\d+ listens on/);
    expect(service.output).toMatch(/models +demo model.*OPENAI_API_KEY/);
    expect(service.output).toContain(`embedded, in ${join(directory, 'data')}`);
    expect(service.output).toMatch(/identity +the user is named in X-User-ID \(AUTH_MODE=header\)/);
    expect(service.output).toMatch(
      /off +providers of users \(ENCRYPTION_KEY\), metrics \(METRICS_TOKEN or METRICS_PORT\), traces/,
    );
    expect(service.output).toMatch(/try +curl /);
    expect(service.output).not.toMatch(/Mapped|InstanceLoader|act as any user/);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    service.signal('SIGTERM');
    expect(await service.exit).toBe(0);
  });

  it('keeps its embedded database to itself, and does in its place what a command wants. It ends with SIGHUP', async () => {
    const service = new Service('main.js', {});
    await service.url();
    const command = new Service('users/admin/admin.js', {}, ['promote', 'alice']);
    expect(await command.exit).toBe(1);
    expect(command.output).toBe('There is no user alice.\n');
    const second = new Service('main.js', {});
    expect(await second.exit).toBe(1);
    expect(second.output).toMatch(/DATA_DIR is in use by process \d+/);
    expect(second.output).not.toMatch(/^ {4}at /m);
    expect(command.output).not.toMatch(/^ {4}at /m);
    service.signal('SIGHUP');
    expect(await service.exit).toBe(0);
  });

  it('ends soon with a later signal, and takes one that comes at once for the same', async () => {
    const service = new Service('main.js', {});
    const { hostname, port } = new URL(await service.url());
    const unfinished = connect(Number(port), hostname, () =>
      unfinished.write(
        'POST /api/v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
      ),
    );
    unfinished.on('error', () => undefined);
    await sleep(300);
    service.signal('SIGTERM');
    await sleep(300);
    service.signal('SIGINT');
    expect(await Promise.race([service.exit, sleep(2500, 'still there')])).toBe('still there');
    service.signal('SIGTERM');
    // Long before the grace that the first one gives.
    expect(await Promise.race([service.exit, sleep(15_000, 'still there')])).toBe(0);
  });

  it('does not wait for ever for a client that is slow', async () => {
    const service = new Service('main.js', { SHUTDOWN_GRACE_S: '0' });
    const { hostname, port } = new URL(await service.url());
    const unfinished = connect(Number(port), hostname, () =>
      unfinished.write('POST /x HTTP/1.1\r\nHost: localhost\r\n'),
    );
    unfinished.on('error', () => undefined);
    await sleep(300);
    service.signal('SIGTERM');
    expect(await Promise.race([service.exit, sleep(5000, 'still there')])).toBe(0);
  });

  it('names models and where they are, and variables that it does not know but that are like its own', async () => {
    const service = new Service('main.js', {
      OPENAI_API_KEY: 'sk-canary',
      OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
      OPENAI_MODEL: 'llama',
      OPEN_AI_KEY: 'canary',
      DEFAULT_USER_ID: 'me',
    });
    await service.url();
    await vi.waitFor(() => expect(service.output).toContain('Is OPENAI_API_KEY meant?'), 10_000);
    expect(service.output).toMatch(/models +llama at 127\.0\.0\.1:9/);
    expect(service.output).toContain('or is me (DEFAULT_USER_ID)');
    expect(service.output).not.toContain('canary');
  });

  it.each([
    ['as it is', {}],
    ['under another name alone', { ALLOWED_HOSTS: 'chat.example.com' }],
    ['behind a gateway', { AUTH_PROXY_SECRET: 'a-secret-of-32-characters-or-more' }],
    ['with accounts', { AUTH_MODE: 'token' }],
  ])('prints commands that work: %s', async (_how, env) => {
    const service = new Service('main.js', { ...env, LOG_FORMAT: 'json' });
    const { stdout } = spawnSync('sh', ['-c', await printed(service)], {
      encoding: 'utf8',
      env: { ...process.env, ...env, PASSWORD: 'a long walk in the rain' },
    });
    expect(stdout).toContain('"type":"end"');
  });

  it('prints a command that reads the secret from its file, which no shell has as a variable', async () => {
    const file = join(directory, "the gateway's secret");
    writeFileSync(file, 'a-secret-of-32-characters-or-more\n');
    // A relative one begins at the folder of the service, not of whoever tries the command.
    const env = { AUTH_PROXY_SECRET_FILE: "the gateway's secret", LOG_FORMAT: 'json' };
    const service = new Service('main.js', env);
    const { stdout } = spawnSync('sh', ['-c', await printed(service)], { encoding: 'utf8', cwd: '/' });
    expect(stdout).toContain('"type":"end"');
    expect(service.output).not.toContain('a-secret-of');
  });

  it('says in a few lines where accounts come from, what is off, and where each model is', async () => {
    const models = join(directory, 'models.yaml');
    writeFileSync(models, MODELS);
    const service = new Service('main.js', {
      AUTH_MODE: 'token',
      AUTH_REGISTRATION: 'closed',
      MODELS_FILE: models,
      TITLE_MODEL: 'off',
      SHARING: 'off',
      LOG_FORMAT: 'json',
    });
    await service.url();
    await vi.waitFor(
      () => expect(messagesOf(service)).toContainEqual(expect.stringMatching(/^ +try/)),
      10_000,
    );
    const lines = messagesOf(service).filter((line) => /^ {2}\w|^Parley .* listens/.test(line));
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(lines).toEqual(
      expect.arrayContaining([
        '  models    first and 1 more at 127.0.0.1:9; 1 at models.example.com',
        '  off       providers of users (ENCRYPTION_KEY), registration (AUTH_REGISTRATION), mail for forgotten passwords (SMTP_URL), sharing (SHARING), titles by a model (TITLE_MODEL), metrics (METRICS_TOKEN or METRICS_PORT), traces (OTEL_EXPORTER_OTLP_ENDPOINT)',
        '  account   ADMIN_PASSWORD="$PASSWORD" npm run admin -- create alice alice@example.com',
      ]),
    );
  });

  it('waits for a database that cannot be reached, and says which variable names it', async () => {
    const service = new Service('main.js', { DATABASE_URL: 'postgres://parley:canary@127.0.0.1:9/parley' });
    const url = await service.url();
    expect(service.output).toContain('DATABASE_URL: 127.0.0.1:9 cannot be reached yet (ECONNREFUSED)');
    expect(service.output).not.toContain('canary');
    expect((await fetch(`${url}/health/ready`)).status).toBe(503);
  });

  it('with --help says what there is, and refuses other options', async () => {
    const help = new Service('main.js', { PORT: 'garbage' }, ['--help']);
    expect(await help.exit).toBe(0);
    for (const name of [
      'npm test',
      'npm run build',
      'migration:run',
      'start:dev',
      'test:long',
      'ADMIN_PASSWORD',
      'OPENAI_API_KEY=',
      'DATABASE_URL=',
      'SHUTDOWN_GRACE_S=25',
    ])
      expect(help.output).toContain(name);
    expect(help.output).not.toContain('#');
    const other = new Service('main.js', {}, ['--port=1']);
    expect([await other.exit, other.output]).toEqual([
      2,
      '--port=1 is no option. See npm start -- --help.\n',
    ]);
  });

  it('warns when anybody could be anyone, and ends with SIGINT', async () => {
    const service = new Service('main.js', { HOST: '0.0.0.0' });
    await service.url();
    expect(service.output).toContain('can act as any user');
    service.signal('SIGINT');
    expect(await service.exit).toBe(0);
  });
});

it('the OpenAPI document is written without a database or a configuration', async () => {
  const file = join(directory, 'api.json');
  const service = new Service('write-openapi.js', { PORT: 'garbage', DATABASE_URL: 'garbage' }, [file]);
  expect([await service.exit, service.output]).toEqual([0, '']);
  const document = JSON.parse(readFileSync(file, 'utf8'));
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining(['/health/live', '/api/v1/auth/stream-ticket']),
  );
  expect(document.paths['/api/v1/auth/stream-ticket'].post.operationId).toBe('createStreamTicket');
});
