import { QueryFailedError } from 'typeorm';
import { AppError } from '../errors/app-error';
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

  it('names the variable and the way out', () => {
    const refused = Object.assign(new Error('unsupported startup parameter: statement_timeout'), {
      code: '08P01',
    });
    expect(explainFatal(refused).message).toMatch(/DATABASE_URL.*pgbouncer=true/);
  });
});
