import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QueryFailedError } from 'typeorm';
import { ConfigError } from '../config/config-error';
import { AppError } from '../errors/app-error';
import { EngineError } from './embedded/engine';
import { SchemaError } from './migrations';
import { explainFatal, isUnavailableAtBoot } from './boot-error';
import {
  constraintOf,
  isRefused,
  isSerializationFailure,
  reportOf,
  sqlStateOf,
  toAppError,
} from './database-error';

function failed(code: string, more: object = {}): QueryFailedError {
  return new QueryFailedError(
    'INSERT …',
    ['private'],
    Object.assign(new Error('the message'), { code, ...more }),
  );
}

describe('isRefused', () => {
  it.each(['22P05', '22021', '22P02', '22001', '22003', '23514', '23502', '54000', 'P0001'])(
    'says of %s that it is the data',
    (code) => expect(isRefused(failed(code))).toBe(true),
  );

  it.each([
    '08006',
    '25006',
    '40001',
    '40P01',
    '42501',
    '42703',
    '53100',
    '53200',
    '57014',
    '57P01',
    'XX000',
  ])('says of %s that another try may succeed', (code) => expect(isRefused(failed(code))).toBe(false));

  it('says so of what is no error of the database', () => {
    for (const error of [
      new Error('Query read timeout'),
      Object.assign(new Error(), { code: 'ECONNRESET' }),
      1,
    ])
      expect(isRefused(error)).toBe(false);
  });
});

describe('toAppError', () => {
  it.each([
    ['22P02', 'invalid', 'invalid_value'],
    ['22003', 'invalid', 'invalid_value'],
    ['22021', 'invalid', 'invalid_text'],
    ['22P05', 'invalid', 'invalid_text'],
    ['23502', 'invalid', 'invalid_value'],
    ['23514', 'invalid', 'invalid_value'],
    ['23505', 'conflict', 'already_exists'],
    ['23503', 'conflict', 'reference_conflict'],
    ['54000', 'too_large', 'value_too_large'],
    ['54001', 'too_large', 'value_too_large'],
    ...[
      '08006',
      '25006',
      '25P03',
      '28P01',
      '40001',
      '40P01',
      '42501',
      '53300',
      '55P03',
      '57014',
      '57P01',
      '57P03',
      '58030',
    ].map((code) => [code, 'unavailable', 'database_unavailable']),
    ['53100', 'unavailable', 'storage_full'],
  ])('turns SQLSTATE %s into %s', (state, kind, code) => {
    expect(toAppError(failed(state))).toMatchObject({ kind, code });
  });

  it.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND', 'EPIPE'])(
    'takes %s for a database that is away',
    (code) => {
      expect(toAppError(Object.assign(new Error(code), { code }))).toMatchObject({
        kind: 'unavailable',
        retryAfterS: 2,
      });
    },
  );

  it.each([
    'timeout expired',
    'timeout exceeded when trying to connect',
    'Connection terminated',
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
    'Cannot use a pool after calling end on the pool',
  ])('knows the message %j of pg', (message) => {
    expect(toAppError(new Error(message))?.kind).toBe('unavailable');
    expect(toAppError(new QueryFailedError('SELECT 1', [], new Error(message)))?.kind).toBe('unavailable');
  });

  it('leaves mistakes of ours alone', () => {
    expect(toAppError(failed('42601'))).toBeUndefined();
    expect(toAppError(new TypeError('x is not a function'))).toBeUndefined();
    expect(
      toAppError(Object.assign(new Error('no file'), { code: 'ENOENT', syscall: 'open' })),
    ).toBeUndefined();
    expect(toAppError('text')).toBeUndefined();
  });

  it('passes on what is translated already', () => {
    const error = new AppError('not_found', 'user_not_found', 'No such thing.');
    expect(toAppError(error)).toBe(error);
  });
});

describe('the parts of a database error', () => {
  const violation = failed('23505', {
    constraint: 'uq_things_name',
    table: 'things',
    detail: 'Key (name)=(private) exists.',
  });

  it('names the constraint that was violated', () => {
    expect(constraintOf(violation)).toBe('uq_things_name');
    expect(constraintOf(failed('22P02', { constraint: 'x' }))).toBeUndefined();
    expect(constraintOf(new Error('other'))).toBeUndefined();
  });

  it('tells a log nothing that a person wrote', () => {
    expect(reportOf(violation)).toMatchObject({
      sqlstate: '23505',
      constraint: 'uq_things_name',
      table: 'things',
    });
    expect(JSON.stringify(reportOf(violation))).not.toContain('private');
  });

  it('knows what may be run again', () => {
    expect(['40001', '40P01', '55P03'].map((code) => isSerializationFailure(failed(code)))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('does not take the codes of Node for states', () => {
    expect(sqlStateOf(Object.assign(new Error('x'), { code: 'EPIPE' }))).toBeUndefined();
  });
});

describe('at the start', () => {
  it.each(['57P03', '53300', '08006', '57P01'])('waits when the server says %s', (code) => {
    expect(isUnavailableAtBoot(failed(code))).toBe(true);
  });

  it.each(['28P01', '28000', '3D000', '42501', '25006', '42P07'])(
    'gives up when the server says %s',
    (code) => {
      expect(isUnavailableAtBoot(failed(code))).toBe(false);
    },
  );

  const coded = (code: string, message = 'the message') => Object.assign(new Error(message), { code });

  it.each([
    ['28P01', /^DATABASE_URL: the server refuses the login \(the message\)$/],
    ['28000', /^DATABASE_URL: the server refuses the login/],
    ['3D000', /^DATABASE_URL: the message$/],
    ['42501', /^DATABASE_URL: the user may not create or change tables/],
    ['25006', /^DATABASE_URL: the database is read-only$/],
    ['53100', /^DATABASE_URL: there is no room on the disk of the server \(the message\)$/],
    ['08P01', /^DATABASE_URL: the message.*pgbouncer=true/],
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      /^DATABASE_URL: the server's certificate is not accepted.*sslrootcert=FILE/,
    ],
    ['SELF_SIGNED_CERT_IN_CHAIN', /^DATABASE_URL: the server's certificate is not accepted/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /^DATABASE_URL: the server's certificate is not accepted/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /^DATABASE_URL: the server's certificate is not accepted/],
    ['CERT_HAS_EXPIRED', /^DATABASE_URL: the server's certificate is not accepted/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /^DATABASE_URL: the server's certificate is of another name.*verify-ca/],
    ['EPROTO', /^DATABASE_URL: TLS with the server fails \(EPROTO\)$/],
    ['ERR_OSSL_PEM_NO_START_LINE', /^DATABASE_URL: the message$/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /^DATABASE_URL: TLS with the server fails/],
    ['42P07', /^DATABASE_URL: the message$/],
    ['XX000', /^DATABASE_URL: the message$/],
  ])('says of %s what can be done about it, in one sentence', (code, expected) => {
    for (const error of [coded(code), failed(code)])
      expect(sentenceOf(explainFatal(error))).toMatch(expected);
  });

  it.each([
    [
      'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string',
      /^DATABASE_URL: .*password.*PGPASSWORD$/,
    ],
    ['The server does not support SSL connections', /^DATABASE_URL: .*no.* TLS; say sslmode=disable/],
    ['received invalid response: 48', /^DATABASE_URL: received invalid response: 48$/],
  ])('says of %j of the driver what can be done about it', (message, expected) => {
    expect(sentenceOf(explainFatal(new Error(message)))).toMatch(expected);
  });

  it('says of an engine that fails where its files are', () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-engine-'));
    const said = (error: unknown) => sentenceOf(explainFatal(error, folder));
    expect(said(failed('53100'))).toBe(
      `DATA_DIR: ${folder} is on a disk without room. Make room there. Choose another DATA_DIR, or set DATABASE_URL to a PostgreSQL.`,
    );
    const failure = new EngineError('57P02', 'The embedded database failed: Aborted()');
    expect(said(failure)).toContain(`DATA_DIR: no database can be made in ${folder} (The embedded`);
    mkdirSync(join(folder, 'postgres'));
    for (const error of [failure, failed('XX001'), coded('57014'), 'text'])
      expect(said(error)).toMatch(/^DATA_DIR: the files of .*postgres may be damaged \(.+Restore a backup/);
    rmSync(folder, { recursive: true });
  });

  it('keeps the stack of mistakes of ours, and what the start explains itself', () => {
    const errors = [
      new TypeError('x is not a function'),
      new ConfigError(['PORT must']),
      new SchemaError('No.'),
    ];
    for (const error of errors)
      for (const at of [undefined, '/data']) expect(explainFatal(error, at)).toBe(error);
    const full = Object.assign(new Error('no room'), { code: 'ENOSPC', syscall: 'copyfile' });
    expect(explainFatal(full, '/data')).toBe(full);
  });
});

/** What a start prints below its heading. */
function sentenceOf(error: Error): string {
  expect(error).toBeInstanceOf(ConfigError);
  const [, first, ...more] = error.message.split('\n  - ');
  expect(more).toEqual([]);
  return first;
}
