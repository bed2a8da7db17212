import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parseAppConfig } from '../../src/config/environment';

const ROOT = join(__dirname, '../..');
const read = (file: string) => fs.readFileSync(join(ROOT, file), 'utf8');

interface Service {
  image?: string;
  build?: { context: string; args: Record<string, string> };
  command?: string[];
  container_name?: string;
  depends_on?: Record<string, { condition: string; required?: boolean }>;
  environment?: Record<string, string | number>;
  extra_hosts?: string[];
  volumes?: string[];
  ports?: string[];
  tmpfs?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  read_only?: boolean;
  logging?: { options: Record<string, string> };
  mem_limit?: string;
  pids_limit?: number;
  stop_grace_period?: string;
  init?: boolean;
  healthcheck?: { test?: string[] };
  profiles?: string[];
}

interface Compose {
  name?: string;
  services: Record<string, Service>;
  networks: Record<string, unknown>;
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose;
const services = Object.entries(compose.services);
let folder: string;

beforeEach(() => (folder = fs.mkdtempSync(join(tmpdir(), 'parley-secrets-'))));
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const makeSecrets = () =>
  execFileSync(process.execPath, [join(ROOT, 'scripts/secrets.mjs'), folder, join(folder, 'database')], {
    encoding: 'utf8',
  });

/** As compose puts variables in that nobody has set. */
function environmentOf({ environment = {} }: Service): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      String(value)
        .replaceAll(/\$\{\w+:?-([^}]*)\}/g, '$1')
        .replace('/secrets/', `${folder}/`),
    ]),
  );
}

describe('the secrets of a deployment', () => {
  it('are made once, and stay', () => {
    expect(makeSecrets().trim().split('\n')).toHaveLength(5);
    const names = fs
      .readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name !== 'database');
    const before = names.map((name) => fs.readFileSync(join(folder, name), 'utf8'));
    expect(new Set(before).size).toBe(5);
    expect(makeSecrets()).toBe('');
    expect(names.map((name) => fs.readFileSync(join(folder, name), 'utf8'))).toEqual(before);
  });

  it('keep the password of a database that was made when all were in one folder', () => {
    fs.writeFileSync(join(folder, 'database-password'), 'from-before\n');
    makeSecrets();
    expect(fs.readFileSync(join(folder, 'database/database-password'), 'utf8')).toBe('from-before\n');
    expect(fs.readFileSync(join(folder, 'database-url'), 'utf8')).toContain(':from-before@');
  });

  it('are for their reader only', () => {
    makeSecrets();
    const modes = fs
      .readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name !== 'database')
      .map((name) => [name, (fs.statSync(join(folder, name)).mode & 0o777).toString(8)]);
    expect(Object.fromEntries(modes)).toEqual({
      'database/database-password': '444',
      'database-url': '400',
      'encryption-key': '400',
      'jwt-secret': '400',
      'proxy-secret': '400',
    });
  });

  it.each(['header', 'token'])('are what the service needs in production, AUTH_MODE=%s', (mode) => {
    makeSecrets();
    const env = { ...environmentOf(compose.services.parley), NODE_ENV: 'production', AUTH_MODE: mode };
    const config = parseAppConfig(env);
    const url = new URL(config.database.url ?? '');
    expect([url.username, url.hostname, url.pathname]).toEqual(['parley', 'database', '/parley']);
    expect(url.password).toBe(fs.readFileSync(join(folder, 'database/database-password'), 'utf8').trim());
    expect(config.ownProviders.encryptionKeys).toHaveLength(1);
    expect(config.auth.trustedProxies).toEqual([]);
    if (mode === 'header') expect(config.auth.proxySecret).toMatch(/^[\w-]{43}$/);
  });

  it('give way to what .env sets', () => {
    makeSecrets();
    const env = {
      ...environmentOf(compose.services.parley),
      DATABASE_URL: 'postgres://me@elsewhere/mine',
      AUTH_MODE: 'jwks',
      JWKS_URL: 'https://id.example.com/keys',
      JWT_SECRET_FILE: '',
    };
    expect(parseAppConfig(env).database.url).toBe('postgres://me@elsewhere/mine');
  });
});

describe('docker-compose.yml', () => {
  it('has nothing that two copies on one machine would share', () => {
    expect(compose.name).toBeUndefined();
    expect(services.filter(([, { container_name }]) => container_name)).toEqual([]);
    expect(Object.values(compose.networks)).toEqual([{}]);
    expect(compose.services.parley.ports).toEqual(['127.0.0.1:${PORT:-3000}:3000']);
  });

  it.each(services)('lets %s do no more than it needs', (_name, service) => {
    expect(service).toMatchObject({
      cap_drop: ['ALL'],
      read_only: true,
      security_opt: ['no-new-privileges:true'],
      pids_limit: expect.any(Number),
      mem_limit: expect.stringMatching(/\d+[mg]/),
      logging: { options: { 'max-size': '10m', 'max-file': '5' } },
    });
  });

  it('starts in order, and reaches a model on the machine', () => {
    expect(compose.services.parley).toMatchObject({
      depends_on: {
        secrets: { condition: 'service_completed_successfully' },
        database: { condition: 'service_healthy', required: false },
      },
      extra_hosts: ['host.docker.internal:host-gateway'],
      volumes: expect.arrayContaining(['./config:/config:ro', 'secrets:/secrets:ro']),
    });
    expect(compose.services.parley.init).toBe(true);
    const grace = parseAppConfig({}).chat.shutdownGraceMs / 1000;
    expect(Number.parseInt(compose.services.parley.stop_grace_period ?? '', 10)).toBeGreaterThan(grace);
  });

  it('shows the database its own password and no other secret', () => {
    expect(compose.services.database.volumes).toEqual([
      'database:/var/lib/postgresql/data',
      'database-secret:/secrets:ro',
    ]);
    expect(compose.services.secrets.volumes).toEqual([
      'secrets:/secrets',
      'database-secret:/database-secret',
    ]);
  });

  it('can do without its database', () => {
    const { services: others } = parse(read('docker-compose.external-database.yml')) as Compose;
    expect(others).toEqual({ database: { profiles: ['never'] } });
  });
});

describe('the image', () => {
  const dockerfile = read('Dockerfile');

  it('is made of images that are named by digest, or as an operator says', () => {
    const [, usual] = /^ARG NODE_IMAGE=(\S+)$/m.exec(dockerfile)!;
    expect(dockerfile.match(/^FROM \S+/gm)).toEqual(['FROM ${NODE_IMAGE}', 'FROM ${NODE_IMAGE}']);
    expect(compose.services.parley.build?.args.NODE_IMAGE).toBe(`\${NODE_IMAGE:-${usual}}`);
    expect(usual).toMatch(/^node:24\.\d+\.\d+-bookworm-slim@sha256:[0-9a-f]{64}$/);
    expect(compose.services.database.image).toMatch(
      /^\$\{DATABASE_IMAGE:-pgvector\/pgvector:pg17@sha256:[0-9a-f]{64}\}$/,
    );
    expect(read('docs/operate.md')).toContain('imagetools inspect node:24-bookworm-slim ');
  });

  it('is told the version of the package', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(dockerfile).toContain(`ARG VERSION=${version}\n`);
    expect(compose.services.parley.build?.args).toMatchObject({
      VERSION: `\${PARLEY_VERSION:-${version}}`,
      REVISION: '${PARLEY_REVISION:-unknown}',
    });
  });

  // Two that build would make the same name at once.
  it('is built once, for both of its services and for each copy by itself', () => {
    const image = '${PARLEY_IMAGE:-${COMPOSE_PROJECT_NAME}-parley:local}';
    expect([compose.services.parley.image, compose.services.secrets.image]).toEqual([image, image]);
    expect(services.filter(([, { build }]) => build).map(([name]) => name)).toEqual(['parley']);
  });

  it('is restarted for being dead, not for its database', () => {
    const [, command] = /^HEALTHCHECK [^\n]*\\\n {2}CMD (.*)$/m.exec(dockerfile) ?? [];
    const checks = [command, compose.services.parley.healthcheck?.test?.join(' ')];
    for (const check of checks) expect(check).toMatch(/fetch\('http:\/\/127\.0\.0\.1:[^)]*\/health\/live'\)/);
    expect(checks.join()).not.toContain('ready');
  });

  it('starts as npm run start:prod does', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const [, command] = /^CMD (.*)$/m.exec(dockerfile) ?? [];
    expect((JSON.parse(command) as string[]).join(' ')).toBe(
      scripts['start:prod'].replace('scripts/start-built.cjs', 'dist/src/main.js'),
    );
  });

  it('has what its commands and those of the compose file run', () => {
    for (const file of ['dist', 'scripts', 'package.json', 'node_modules'])
      expect(dockerfile).toContain(`COPY --from=build /app/${file} `);
    const context = read('.dockerignore').split('\n');
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files]) =>
      files.split(' '),
    );
    expect(copied).toEqual(expect.arrayContaining(['web', '.env.example']));
    expect(copied.filter((file) => !context.includes(`!${file.replace(/^\.\//, '')}`))).toEqual([]);
  });
});
