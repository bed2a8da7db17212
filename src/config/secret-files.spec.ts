import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAppConfig } from './environment';
import { SECRETS } from './secret-files';
import { unknownVariables } from './unknown-variables';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'parley-secrets-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

describe('secrets in files', () => {
  const key = Buffer.alloc(32, 7).toString('base64');

  it('are read, without the end of the line', () => {
    const config = parseAppConfig({
      DATABASE_URL_FILE: file('url', 'postgres://me@127.0.0.1/parley\n'),
      AUTH_PROXY_SECRET_FILE: file('proxy', '0123456789abcdefgh\n'),
      JWT_SECRET_FILE: file('jwt', 'q'.repeat(40)),
      ENCRYPTION_KEY_FILE: file('key', `${key}\n`),
      ENCRYPTION_KEYS_PREVIOUS_FILE: file('previous', `${key},${key}`),
      OPENAI_API_KEY_FILE: file('openai', 'sk-1\n'),
      SMTP_URL_FILE: file('smtp', 'smtps://me:secret@mail.example.com\n'),
      SMTP_FROM: 'parley@example.com',
      METRICS_TOKEN_FILE: file('metrics', 'abcdefgh01234567\n'),
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
      OTEL_EXPORTER_OTLP_HEADERS_FILE: file('headers', 'authorization=Bearer%20abc,x-team=chat\n'),
    });
    expect(config.database.url).toBe('postgres://me@127.0.0.1/parley');
    expect(config.auth.proxySecret).toBe('0123456789abcdefgh');
    expect(config.auth.jwt.secret).toBe('q'.repeat(40));
    expect(config.ownProviders.encryptionKeys).toHaveLength(3);
    expect(config.llm.providers[0]).toMatchObject({ apiKey: 'sk-1' });
    expect(config.mail.smtpUrl).toBe('smtps://me:secret@mail.example.com');
    expect(config.metrics?.token).toBe('abcdefgh01234567');
    expect(config.traces?.headers).toEqual({ authorization: 'Bearer abc', 'x-team': 'chat' });
  });

  it('are all named in .env.example', () => {
    const example = readFileSync(join(__dirname, '../../.env.example'), 'utf8');
    const [first] = example.split('\n\n');
    const named = first.match(/\b[A-Z][A-Z_]*_FILE\b/g)?.filter((name) => name !== 'MODELS_FILE');
    expect(named).toEqual(expect.arrayContaining(SECRETS.map((name) => `${name}_FILE`)));
    expect(named).toHaveLength(SECRETS.length);
  });

  it('are keys of MODELS_FILE as well', () => {
    const models = file(
      'models.yaml',
      'providers: [{name: mine, kind: openai, base_url: "http://127.0.0.1:1/v1", api_key_env: MY_KEY}]\nmodels: [{id: m, provider: mine, context_window: 8192}]\n',
    );
    const env = { MODELS_FILE: models, MY_KEY_FILE: file('mine', 'of-a-file\n') };
    expect(parseAppConfig(env).llm.providers[0]).toMatchObject({ apiKey: 'of-a-file' });
    expect(() => parseAppConfig({ ...env, MY_KEY_FILE: join(folder, 'none') })).toThrow(/not set/);
  });

  it('give way to the variable itself', () => {
    const env = { JWT_SECRET: 'w'.repeat(40), JWT_SECRET_FILE: file('jwt', 'q'.repeat(40)) };
    expect(parseAppConfig(env).auth.jwt.secret).toBe('w'.repeat(40));
    expect(parseAppConfig({ JWT_SECRET_FILE: '' }).auth.jwt.secret).toBeUndefined();
  });

  it('stop the start where they cannot be read, without what is in them', () => {
    expect(() => parseAppConfig({ JWT_SECRET_FILE: join(folder, 'none') })).toThrow(
      /JWT_SECRET_FILE cannot be read \(ENOENT\)/,
    );
    expect(() => parseAppConfig({ JWT_SECRET_FILE: file('short', 'canary') })).toThrow(
      /JWT_SECRET must be at least 32(?!.*canary)/,
    );
  });

  it('have names that the start knows', () => {
    expect(unknownVariables({ JWT_SECRET_FILE: 'x', MY_KEY_FILE: 'y' }, (name) => name === 'MY_KEY')).toEqual(
      [],
    );
    expect(unknownVariables({ JWT_SECRETS_FILE: 'x' })).toMatchObject([{ name: 'JWT_SECRETS_FILE' }]);
  });
});
