import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../config/config-error';
import { parseDatabaseUrl } from './database-url';

const BASE = 'postgresql://user:secret@db.example.com:5432/parley';

describe('parseDatabaseUrl', () => {
  const directory = mkdtempSync(join(tmpdir(), 'parley-tls-'));
  const ca = join(directory, 'ca.pem');
  writeFileSync(ca, 'the authority');
  afterAll(() => rmSync(directory, { recursive: true }));

  it.each([
    ['', undefined],
    ['?sslmode=disable', false],
    ['?sslmode=require', { rejectUnauthorized: false }],
    ['?sslmode=no-verify', { rejectUnauthorized: false }],
    ['?sslmode=verify-full', { rejectUnauthorized: true }],
    ['?sslmode=verify-full&sslrootcert=system', { rejectUnauthorized: true }],
  ])('reads %j', (query, ssl) => {
    expect(parseDatabaseUrl(BASE + query)).toEqual({ url: BASE, ssl, pooled: false });
  });

  it('checks the issuer but not the name with verify-ca, and with require if there is an authority', () => {
    for (const mode of ['verify-ca', 'require']) {
      const { ssl } = parseDatabaseUrl(`${BASE}?sslmode=${mode}&sslrootcert=${ca}`);
      expect(ssl).toEqual({
        ca: 'the authority',
        rejectUnauthorized: true,
        checkServerIdentity: expect.any(Function),
      });
    }
  });

  it.each([
    '?sslmode=prefer',
    '?sslmode=allow',
    '?sslmode=nonsense',
    '?sslmode=verify-ca',
    '?sslmode=verify-full&sslrootcert=/nowhere.pem',
  ])('refuses %j without repeating the password', (query) => {
    const parse = () => parseDatabaseUrl(BASE + query);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(/^(?!.*secret)[^]*DATABASE_URL/);
  });

  it('knows transaction poolers by their port or by pgbouncer=true', () => {
    expect(parseDatabaseUrl(BASE.replace('5432', '6543')).pooled).toBe(true);
    expect(parseDatabaseUrl(`${BASE}?pgbouncer=true&connection_limit=1`)).toEqual({
      url: BASE,
      ssl: undefined,
      pooled: true,
    });
  });

  it('leaves what pg understands in the URL', () => {
    expect(parseDatabaseUrl(`${BASE}?options=-csearch_path%3Dparley&sslmode=disable`).url).toBe(
      `${BASE}?options=-csearch_path%3Dparley`,
    );
  });
});
