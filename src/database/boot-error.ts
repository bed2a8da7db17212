import { QueryFailedError } from 'typeorm';
import { ConfigError } from '../config/config-error';
import { isUnavailable, sqlStateOf } from './database-error';
import { EngineError } from './embedded/engine';
import { explainEngineFailure } from './embedded/engine-failure';

/** States that time does not heal: login refused, no such database, not allowed, read-only. */
const FATAL_STATES = new Set(['28000', '28P01', '3D000', '42501', '25006', '08P01']);

/** Node's codes of certificates that do not prove who the server is. */
const CERTIFICATE_CODES =
  /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|UNABLE_TO_(VERIFY|GET)_)/;

/** Whether it makes sense to wait and try again. */
export function isUnavailableAtBoot(error: unknown): boolean {
  if (error instanceof ConfigError) return false;
  return isUnavailable(error) && !FATAL_STATES.has(sqlStateOf(error) ?? '');
}

/**
 * The same error in words for whoever configures the service, with the variable that can mend it. Mistakes of ours stay as they are.
 * @param dataDir where the embedded database is, if it is that one
 */
export function explainFatal(error: unknown, dataDir?: string): Error {
  if (error instanceof ConfigError || isOurMistake(error)) return error;
  if (dataDir === undefined) return explainServer(error);
  const isOfEngine = error instanceof EngineError || error instanceof QueryFailedError || sqlStateOf(error);
  return isOfEngine || !(error instanceof Error) ? explainEngineFailure(error, dataDir) : error;
}

/** Node's own calls throw errors of these kinds as well, with a code. */
function isOurMistake(error: unknown): error is Error {
  const isOfKind = [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
  return isOfKind && (error as NodeJS.ErrnoException).code === undefined;
}

function explainServer(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  switch (sqlStateOf(error)) {
    case '28000':
    case '28P01':
      return problem(`DATABASE_URL: the server refuses the login (${message})`, error);
    case '3D000':
      return problem(`DATABASE_URL: ${message}`, error);
    case '42501':
      return problem(`DATABASE_URL: the user may not create or change tables (${message})`, error);
    case '25006':
      return problem('DATABASE_URL: the database is read-only', error);
    case '53100':
      return problem(`DATABASE_URL: there is no room on the disk of the server (${message})`, error);
    case '08P01':
      return problem(`DATABASE_URL: ${message}; if this is a pooler, add pgbouncer=true to the URL`, error);
    default:
      break;
  }
  if (/client password must be a string/i.test(message)) {
    return problem(
      'DATABASE_URL: the server asks for a password and the URL has none: put it there, or into PGPASSWORD',
      error,
    );
  }
  if (/server does not support SSL/i.test(message)) {
    return problem(
      'DATABASE_URL: the server does not support TLS; say sslmode=disable if that is intended',
      error,
    );
  }
  const { code = '', reason } = error as { code?: string; reason?: string };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return problem(
      `DATABASE_URL: the server's certificate is of another name (${message}). Reach it by that name, or say sslmode=verify-ca, which checks none`,
      error,
    );
  }
  if (CERTIFICATE_CODES.test(code)) {
    const [why] = message.split(';');
    return problem(
      `DATABASE_URL: the server's certificate is not accepted (${why}). Name its authority by sslrootcert=FILE; sslmode=require encrypts without proof of who answers`,
      error,
    );
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL'))
    return problem(`DATABASE_URL: TLS with the server fails (${reason ?? code})`, error);
  return problem(`DATABASE_URL: ${message.trim() || code}`, error);
}

function problem(text: string, cause: unknown): ConfigError {
  const error = new ConfigError([text]);
  error.cause = cause;
  return error;
}
