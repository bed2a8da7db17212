import {
  QueryFailedError,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
} from 'typeorm';
import { AppError } from '../errors/app-error';
import type { ErrorCode } from '../errors/error-codes';

const RETRY_AFTER_S = 2;
/** Somebody has to make room. */
const ROOM_AFTER_S = 30;
/** Errors of sockets and name resolution. */
const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** pg and its pool throw these without a code. */
const CONNECTION_MESSAGES =
  /^(timeout e(xpired|xceeded when trying to connect)|Connection terminated|Client (has encountered|was closed)|Query read timeout|Cannot use a pool after|Driver not Connected)/;
/** SQLSTATE classes that say "not now": connection, out of resources, intervention, system, and login. */
const UNAVAILABLE_CLASSES = new Set(['08', '28', '40', '53', '57', '58']);
/** lock_not_available, idle in transaction too long, read-only, not allowed, no such database */
const UNAVAILABLE_STATES = new Set(['55P03', '25P03', '25006', '42501', '3D000']);
/** SQLSTATE classes of the data: exception, constraint, view's condition, limit of the database, raised by a trigger. */
const REFUSED_CLASSES = new Set(['22', '23', '44', '54', 'P0']);
const INVALID_TEXT_STATES = new Set(['22021', '22P05']);

/** TypeORM's way of saying that the connection of a transaction was lost between two of its statements. */
const RELEASED = [QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError];

/** SQLSTATE, Node's codes, and ours. */
const STORAGE_FULL_CODES = new Set(['53100', 'ENOSPC', 'EDQUOT', 'storage_full']);
/** Ours, in the place of an error of the database. */
const OUTAGE_CODES = new Set<ErrorCode>([
  'database_unavailable',
  'lease_lost',
  'not_ready',
  'storage_unavailable',
]);

/** The parts of PostgreSQL's error report that contain nothing a person wrote; safe to log. */
export interface DatabaseErrorReport {
  sqlstate?: string;
  constraint?: string;
  table?: string;
  column?: string;
  routine?: string;
}

/** SQLSTATE of a failed statement, or `undefined` for any other error. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = codeOf(error);
  // Unlike Node's EPIPE and its like, every state has a digit.
  return code && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Name of the constraint that was violated (SQLSTATE class 23). */
export function constraintOf(error: unknown): string | undefined {
  return sqlStateOf(error)?.startsWith('23') ? memberOf(error, 'constraint') : undefined;
}

/** What a log may say about a database error. Messages, details and parameters may repeat what people wrote. */
export function reportOf(error: unknown): DatabaseErrorReport {
  return {
    sqlstate: sqlStateOf(error),
    constraint: memberOf(error, 'constraint'),
    table: memberOf(error, 'table'),
    column: memberOf(error, 'column'),
    routine: memberOf(error, 'routine'),
  };
}

/** References to whom a row belongs, who was erased while the row was being made. */
const OWNER = /^fk_\w+_user$/;

/** The transaction was chosen as a victim; the same work may succeed now. */
export function isSerializationFailure(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === '40001' || state === '40P01';
}

/** The database cannot be reached or does not accept work at the moment. */
export function isUnavailable(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state) return UNAVAILABLE_CLASSES.has(state.slice(0, 2)) || UNAVAILABLE_STATES.has(state);
  if (RELEASED.some((type) => error instanceof type)) return true;
  // A path that does not exist is a connection's problem only if it was a socket's.
  if (codeOf(error) === 'ENOENT') return memberOf(error, 'syscall') === 'connect';
  return CONNECTION_CODES.has(codeOf(error) ?? '') || CONNECTION_MESSAGES.test(messageOf(error));
}

/** There is no room on the disk of the database. */
export function isStorageFull(error: unknown): boolean {
  return STORAGE_FULL_CODES.has(codeOf(error) ?? '');
}

/** What a failure looks like while the database is away: its own, or ours in its place. */
export function isOutage(error: unknown): boolean {
  if (error instanceof AppError) return OUTAGE_CODES.has(error.code);
  return isUnavailable(error) && !isSerializationFailure(error) && !isStorageFull(error);
}

/** A word for a failure of the database that a log may have: SQLSTATE, a code of Node, or what the driver says without one. */
export function reasonOf(error: unknown): string | undefined {
  const message = messageOf(error);
  return codeOf(error) ?? (CONNECTION_MESSAGES.test(message) ? message : undefined);
}

/** The data is not accepted, however often it is tried: it has a wrong form, breaks a rule, or is too large. */
export function isRefused(error: unknown): boolean {
  return REFUSED_CLASSES.has(sqlStateOf(error)?.slice(0, 2) ?? '');
}

/**
 * An error of the database in terms of the caller, for what no repository has translated more precisely; `undefined` for
 * errors of ours (a 500).
 */
export function toAppError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  if (isStorageFull(error)) return storageFull(error);
  if (isUnavailable(error)) return unavailable(error);
  const state = sqlStateOf(error);
  switch (state?.slice(0, 2)) {
    case '22':
      return invalid(state ?? '', error);
    case '23':
      return violation(state ?? '', error);
    case '54':
      return new AppError('too_large', 'value_too_large', 'A value is too large or too deeply nested.', {
        cause: error,
      });
    default:
      return undefined;
  }
}

/** 503 with `Retry-After`. */
export function unavailable(cause?: unknown): AppError {
  return new AppError('unavailable', 'database_unavailable', 'The database is not available at the moment.', {
    cause,
    retryAfterS: RETRY_AFTER_S,
  });
}

/** 503 with `Retry-After`. */
export function storageFull(cause?: unknown): AppError {
  return new AppError(
    'unavailable',
    'storage_full',
    'There is no room to store anything at the moment; what is there can be read and deleted.',
    { cause, retryAfterS: ROOM_AFTER_S },
  );
}

function invalid(state: string, cause: unknown): AppError {
  return INVALID_TEXT_STATES.has(state)
    ? new AppError('invalid', 'invalid_text', 'Text must not contain the NUL character.', { cause })
    : new AppError('invalid', 'invalid_value', 'A value has the wrong form or is out of range.', { cause });
}

function violation(state: string, cause: unknown): AppError {
  switch (state) {
    case '23505':
    case '23P01':
      return new AppError('conflict', 'already_exists', 'This already exists.', { cause });
    case '23503':
      if (OWNER.test(constraintOf(cause) ?? ''))
        return new AppError('unauthenticated', 'unauthenticated', 'This identity exists no longer.', {
          cause,
        });
      return new AppError(
        'conflict',
        'reference_conflict',
        'Something that this refers to does not exist, or is in use.',
        {
          cause,
        },
      );
    default:
      return new AppError('invalid', 'invalid_value', 'A value is missing or not allowed.', { cause });
  }
}

function codeOf(error: unknown): string | undefined {
  return memberOf(error, 'code');
}

/** TypeORM copies the members of the driver's error to its own. */
function memberOf(error: unknown, name: string): string | undefined {
  const source: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (typeof source !== 'object' || source === null) return undefined;
  const value = (source as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : undefined;
}

function messageOf(error: unknown): string {
  return memberOf(error, 'message') ?? '';
}
