import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { ConfigError } from '../config/config-error';
import { parseDatabaseUrl } from './database-url';

const BASE = 'postgresql://user:secret@db.example.com:5432/parley';

describe('parseDatabaseUrl', () => {
  const directory = mkdtempSync(join(tmpdir(), 'parley-tls-'));
  const ca = join(directory, 'ca.pem');
  const none = join(directory, 'none.pem');
  writeFileSync(ca, rootCertificates[0]);
  writeFileSync(none, 'no certificate');
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
        ca: rootCertificates[0],
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

  it.each([
    [`sslmode=verify-full&sslrootcert=${none}`, /DATABASE_URL: the file of sslrootcert holds no certificate/],
    [
      `sslmode=require&sslcert=${none}&sslkey=${none}`,
      /DATABASE_URL: the files of sslcert and sslkey hold no/,
    ],
    [`sslmode=require&sslcert=${ca}`, undefined],
  ])('looks into the files of %s', (query, expected) => {
    const parse = () => parseDatabaseUrl(`${BASE}?${query}`);
    if (expected) expect(parse).toThrow(expected);
    else expect(parse).not.toThrow();
  });

  it('refuses what it could not decode when it connects', () => {
    for (const url of [BASE.replace('secret', 'se%cret'), BASE.replace('user', '%user'), `${BASE}%`])
      expect(() => parseDatabaseUrl(url)).toThrow(/DATABASE_URL: a % .*%25(?!.*cret)/);
    expect(parseDatabaseUrl(BASE.replace('secret', 'se%25cret')).url).toContain('se%25cret');
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
