import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConfigError } from './config-error';
import { parseAppConfig } from './environment';
import { VARIABLES } from './variables';

const SECRET = 'a-proxy-secret-of-24-char';
const RANDOM = 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e';

function problemsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    parseAppConfig(env, false);
  } catch (error) {
    if (error instanceof ConfigError) return [...error.problems];
    throw error;
  }
  return [];
}

describe('parseAppConfig', () => {
  it('needs nothing', () => {
    const config = parseAppConfig({}, false);
    expect(config.http).toEqual({
      port: 3000,
      host: '127.0.0.1',
      page: true,
      production: false,
      trustedProxies: [],
      docs: true,
      bodyLimitBytes: 1024 ** 2,
      corsOrigins: [],
      allowedHosts: ['localhost', '127.0.0.1', '[::1]', '127.0.0.1'],
      proxySecret: undefined,
    });
    expect(config.database).toMatchObject({ url: undefined, dataDir: resolve('data'), poolMax: 10 });
    expect(config.http.trustedProxies).toEqual(config.auth.trustedProxies);
    expect(config.auth).toMatchObject({
      mode: 'header',
      proxySecret: undefined,
      trustedProxies: [],
      loopback: true,
    });
    expect(config.llm).toMatchObject({
      connectTimeoutMs: 10_000,
      firstEventTimeoutMs: 60_000,
      idleTimeoutMs: 60_000,
      totalTimeoutMs: 600_000,
      maxRetries: 2,
      maxReplyChars: 500_000,
    });
    expect(config.chat).toEqual({
      maxContentChars: 100_000,
      heartbeatMs: 15_000,
      durability: 'standard',
      shutdownGraceMs: 25_000,
    });
    expect(config.log).toEqual({ level: 'info', format: 'json', content: false });
  });

  it('takes empty variables for absent ones', () => {
    const empty = Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, '']));
    expect(parseAppConfig(empty, false)).toEqual(parseAppConfig({}, false));
  });

  it('reads values', () => {
    const config = parseAppConfig(
      {
        PORT: '8080',
        HTTP_BODY_LIMIT: '2MB',
        CORS_ORIGINS: 'https://a.example, http://localhost:5173',
        AUTH_PROXY_SECRET: SECRET,
        AUTH_TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8,192.168.1.1',
        HOST: '0.0.0.0',
        SHUTDOWN_GRACE_S: '3',
      },
      true,
    );
    expect(config.http).toMatchObject({
      port: 8080,
      bodyLimitBytes: 2 * 1024 ** 2,
      corsOrigins: ['https://a.example', 'http://localhost:5173'],
    });
    expect(config.http.trustedProxies).toEqual(config.auth.trustedProxies);
    expect(config.auth).toMatchObject({
      mode: 'header',
      proxySecret: SECRET,
      trustedProxies: ['10.0.0.0/8', 'fd00::/8', '192.168.1.1'],
      loopback: false,
    });
    expect(config.chat.shutdownGraceMs).toBe(3000);
    expect(config.log.format).toBe('pretty');
  });

  it.each([
    ['512kb', 512 * 1024],
    ['600000', 600_000],
    ['600000b', 600_000],
    ['1MB', 1024 ** 2],
  ])('reads the size %s', (text, bytes) => {
    expect(parseAppConfig({ HTTP_BODY_LIMIT: text }, false).http.bodyLimitBytes).toBe(bytes);
  });

  it.each([
    ['localhost', true],
    ['127.0.0.2', true],
    ['::1', true],
    ['0.0.0.0', false],
    ['::', false],
    ['192.168.0.1', false],
  ])('knows whether %s is a loopback address', (host, loopback) => {
    expect(parseAppConfig({ HOST: host }, false).auth.loopback).toBe(loopback);
  });

  it('shows content in the logs only at level trace', () => {
    expect(parseAppConfig({ LOG_CONTENT: 'true', LOG_LEVEL: 'debug' }, false).log.content).toBe(false);
    expect(parseAppConfig({ LOG_CONTENT: 'true', LOG_LEVEL: 'trace' }, false).log.content).toBe(true);
  });
});

describe('a bad environment', () => {
  const GARBAGE: [string, string][] = [
    ['NODE_ENV', 'prodction'],
    ['PORT', 'http'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '3000.5'],
    ['PORT', '0x10'],
    ['PORT', '1e3'],
    ['HOST', 'not a host'],
    ['API_DOCS', 'maybe'],
    ['HTTP_BODY_LIMIT', 'abc'],
    ['HTTP_BODY_LIMIT', '1gb'],
    ['HTTP_BODY_LIMIT', '-1kb'],
    ['HTTP_BODY_LIMIT', '1.5mb'],
    ['HTTP_BODY_LIMIT', '0'],
    ['HTTP_BODY_LIMIT', '999mb'],
    ['ALLOWED_HOSTS', 'https://canary.example'],
    ['ALLOWED_HOSTS', 'canary.example:3000'],
    ['ALLOWED_HOSTS', '[::1]:3000'],
    ['ALLOWED_HOSTS', 'localhost, canary example'],
    ['CORS_ORIGINS', 'chat.canary.example'],
    ['CORS_ORIGINS', 'https://chat.example.com/'],
    ['CORS_ORIGINS', 'https://a.example,,'],
    ['CORS_ORIGINS', 'null'],
    ['DATABASE_URL', 'mysql://localhost/parley'],
    ['DATABASE_URL', 'localhost:5432'],
    ['DB_POOL_MAX', '0'],
    ['DB_CONNECTION_TIMEOUT_MS', '5s'],
    ['DB_STATEMENT_TIMEOUT_MS', '1'],
    ['AUTH_MODE', 'none'],
    ['AUTH_REGISTRATION', 'maybe'],
    ['DEFAULT_USER_ID', 'two words'],
    ['PAGE', 'maybe'],
    ['PAGE_DIR', '/does/not/exist'],
    ['PUBLIC_URL', 'chat.canary.example'],
    ['SHARING', 'maybe'],
    ['SMTP_URL', 'https://canary.example'],
    ['SMTP_URL', 'smtp:'],
    ['SMTP_URL', 'smtps://me:%canary@mail.example.com'],
    ['SMTP_FROM', 'canary'],
    ['JWT_SECRET', 'changeme-canary'],
    ['JWKS_URL', 'issuer.canary.example/jwks'],
    ['ACCESS_TOKEN_TTL_S', '5'],
    ['REFRESH_TOKEN_TTL_S', '30d'],
    ['REAUTHENTICATION_MAX_AGE_S', '0'],
    ['AUDIT_RETENTION_DAYS', '1y'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['RATE_LIMITS', 'yes'],
    ['RATE_LIMIT_ADDRESS', '-1'],
    ['RATE_LIMIT_IDENTITY', 'many'],
    ['RATE_LIMIT_CHAT', '1.5'],
    ['RATE_LIMIT_LOGIN', '1e3'],
    ['MAX_OPEN_STREAMS_PER_USER', '1e3'],
    ['QUOTA_TOKENS_PER_DAY', '1M'],
    ['QUOTA_RUNNING_REPLIES', 'x'],
    ['QUOTA_STORED_BYTES', '1tb'],
    ['ENCRYPTION_KEY', 'canary'],
    ['ENCRYPTION_KEYS_PREVIOUS', 'canary,canary'],
    ['PROVIDER_ALLOWED_HOSTS', 'http://canary/'],
    ['PROVIDER_DNS_SERVERS', 'ns.canary.example'],
    ['PROVIDER_DNS_SERVERS', '127.0.0.1:canary'],
    ['AUTH_MODE', 'bearer'],
    ['AUTH_PROXY_SECRET', 'short'],
    ['AUTH_PROXY_SECRET', 'with spaces in it it is long'],
    ['AUTH_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['AUTH_TRUSTED_PROXIES', 'gateway'],
    ['AUTH_TRUSTED_PROXIES', '10.0.0.0/8;11.0.0.0/8'],
    ['OPENAI_BASE_URL', 'ftp://models'],
    ['OPENAI_API_KEY', 'two words'],
    ['MODELS_FILE', '/does/not/exist.yaml'],
    ['TITLE_MODEL', 'nobody'],
    ['LLM_CONNECT_TIMEOUT_MS', '0'],
    ['LLM_FIRST_EVENT_TIMEOUT_MS', 'x'],
    ['LLM_IDLE_TIMEOUT_MS', '99999999999'],
    ['LLM_TOTAL_TIMEOUT_MS', 'NaN'],
    ['LLM_MAX_RETRIES', '11'],
    ['LLM_MAX_REPLY_CHARS', '0'],
    ['CHAT_MAX_CONTENT_CHARS', '0'],
    ['REPLY_DURABILITY', 'sometimes'],
    ['SSE_HEARTBEAT_MS', '15001'],
    ['SHUTDOWN_GRACE_S', '-5'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'ftp://collector'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization=%ff'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization=a%0ab'],
    ['OTEL_TRACES_SAMPLER_ARG', '2'],
    ['METRICS_TOKEN', 'short'],
    ['METRICS_PORT', '65536'],
    ['METRICS_HOST', 'my machine'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_FORMAT', 'xml'],
    ['LOG_CONTENT', 'yes'],
  ];

  it.each(GARBAGE)('%s=%s stops the start, named, without its value', (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} `));
    if (value.length > 3) expect(problems[0]).not.toContain(value);
  });

  it('covers every variable that can be wrong', () => {
    const anything = ['DATA_DIR', 'JWT_AUDIENCE', 'JWT_ISSUER', 'OPENAI_MODEL', 'OTEL_SERVICE_NAME'];
    expect(new Set([...GARBAGE.map(([name]) => name), ...anything])).toEqual(new Set(Object.keys(VARIABLES)));
  });

  it('names all problems at once', () => {
    const problems = problemsOf({ PORT: 'x', LOG_LEVEL: 'x', HTTP_BODY_LIMIT: 'x' });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'PORT',
      'HTTP_BODY_LIMIT',
      'LOG_LEVEL',
    ]);
  });

  it('shows no secret', () => {
    const env = {
      PORT: 'x',
      AUTH_PROXY_SECRET: 'sécrèt-canary-42-xx',
      OPENAI_API_KEY: 'sk canary 42',
      DATABASE_URL: 'pg://u:canary@h/d',
    };
    expect(problemsOf(env).join()).not.toMatch(/canary/);
    expect(problemsOf(env)).toHaveLength(4);
  });

  it('wants a body limit that holds the longest message', () => {
    expect(problemsOf({ HTTP_BODY_LIMIT: '100kb' })).toEqual([
      expect.stringMatching(/^HTTP_BODY_LIMIT .*CHAT_MAX_CONTENT_CHARS/),
    ]);
    expect(problemsOf({ HTTP_BODY_LIMIT: '100kb', CHAT_MAX_CONTENT_CHARS: '20000' })).toEqual([]);
  });

  it('tells when the models file cannot be read', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'parley-models-')), 'models.yaml');
    writeFileSync(file, 'models: [bad');
    expect(problemsOf({ MODELS_FILE: file })[0]).toContain('MODELS_FILE');
    writeFileSync(file, '');
    expect(problemsOf({ MODELS_FILE: file })).toEqual(['MODELS_FILE is empty']);
    expect(problemsOf({ MODELS_FILE: 'models.yml' })).toEqual([
      `MODELS_FILE cannot be read (ENOENT); it is looked for from ${process.cwd()}`,
    ]);
  });

  it('wants another port for metrics than that of the API', () => {
    expect(problemsOf({ PORT: '4000', METRICS_PORT: '4000' })).toEqual([
      expect.stringMatching(/^METRICS_PORT must be another port than PORT/),
    ]);
    expect(problemsOf({ PORT: '0', METRICS_PORT: '0' })).toEqual([]);
  });
});

describe('NODE_ENV=production', () => {
  const production = { NODE_ENV: 'production' };

  it('refuses header identities from just anybody', () => {
    expect(problemsOf(production)).toEqual([
      expect.stringMatching(/^AUTH_PROXY_SECRET or AUTH_TRUSTED_PROXIES must be set/),
    ]);
    expect(problemsOf({ ...production, AUTH_PROXY_SECRET: 'short' })).toEqual([
      expect.stringMatching(/^AUTH_PROXY_SECRET must be 16/),
    ]);
    expect(problemsOf({ ...production, AUTH_PROXY_SECRET: SECRET })).toEqual([]);
    expect(problemsOf({ ...production, AUTH_TRUSTED_PROXIES: '10.0.0.0/8' })).toEqual([]);
  });

  it('refuses CORS for everyone', () => {
    expect(problemsOf({ ...production, AUTH_PROXY_SECRET: SECRET, CORS_ORIGINS: '*' })).toEqual([
      expect.stringMatching(/^CORS_ORIGINS /),
    ]);
    expect(problemsOf({ CORS_ORIGINS: '*' })).toEqual([]);
  });

  it('refuses to sign tokens with what can be guessed', () => {
    const token = { ...production, AUTH_MODE: 'token' };
    expect(problemsOf(token)).toEqual([expect.stringMatching(/^JWT_SECRET must be set/)]);
    for (const JWT_SECRET of [
      'a'.repeat(64),
      'changeme'.repeat(6),
      'my-very-secret-0123456789-abcdefgh',
      'password-password-password-12345',
    ])
      expect(problemsOf({ ...token, JWT_SECRET })).toEqual([
        expect.stringMatching(/^JWT_SECRET must be random/),
      ]);
    expect(problemsOf({ ...token, JWT_SECRET: 'short' })).toEqual([
      expect.stringMatching(/^JWT_SECRET must be at least 32/),
    ]);
    expect(problemsOf({ ...token, JWT_SECRET: RANDOM })).toEqual([]);
  });

  it('wants to know whose tokens it believes', () => {
    const jwks = { ...production, AUTH_MODE: 'jwks' };
    expect(problemsOf({ ...jwks, JWKS_URL: 'http://issuer.example/jwks' })).toEqual([
      expect.stringMatching(/^JWT_ISSUER must be set/),
      expect.stringMatching(/^JWT_AUDIENCE must be set/),
      expect.stringMatching(/^JWKS_URL must begin with https/),
    ]);
    const complete = { ...jwks, JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'parley' };
    expect(problemsOf(complete)).toEqual([expect.stringMatching(/^JWKS_URL or JWT_SECRET/)]);
    expect(problemsOf({ ...complete, JWKS_URL: 'https://issuer.example/jwks', JWT_SECRET: RANDOM })).toEqual([
      expect.stringMatching(/^JWKS_URL or JWT_SECRET/),
    ]);
    expect(problemsOf({ ...complete, JWT_SECRET: RANDOM })).toEqual([]);
    expect(problemsOf({ AUTH_MODE: 'jwks' })).toEqual([expect.stringMatching(/^JWKS_URL or JWT_SECRET/)]);
  });

  it('hides the API documentation unless told otherwise', () => {
    expect(parseAppConfig({ ...production, AUTH_PROXY_SECRET: SECRET }, false).http.docs).toBe(false);
    expect(
      parseAppConfig({ ...production, AUTH_PROXY_SECRET: SECRET, API_DOCS: 'true' }, false).http.docs,
    ).toBe(true);
    expect(parseAppConfig({ API_DOCS: 'false' }, false).http.docs).toBe(false);
  });
});

describe('.env.example', () => {
  const lines = readFileSync(join(__dirname, '../../.env.example'), 'utf8').split('\n');
  const assignments = lines.flatMap(
    (line) => /^# ([A-Z][A-Z0-9_]*)=(.*)$/.exec(line)?.slice(1, 3).join('=') ?? [],
  );

  it('has every variable once, and no other', () => {
    expect(assignments.map((line) => line.split('=')[0]).sort()).toEqual(Object.keys(VARIABLES).sort());
  });

  it('shows the defaults', () => {
    const env = Object.fromEntries(
      assignments.map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]),
    );
    expect(parseAppConfig(env, false)).toEqual(parseAppConfig({}, false));
  });

  it('explains before it shows', () => {
    lines.forEach((line, index) => {
      if (!/^# [A-Z][A-Z0-9_]*=/.test(line)) return;
      const explained = lines.slice(0, index).findLast((before) => !/^# [A-Z][A-Z0-9_]*=/.test(before));
      expect(explained).toMatch(/^# .{10,}/);
    });
  });
});
