import { ConfigError } from '../config/config-error';
import { isUnavailable, sqlStateOf } from './database-error';

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

/** The same error in words for whoever configures the service; those that are understood name their variable. */
export function explainFatal(error: unknown): Error {
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
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (CERTIFICATE_CODES.test(code)) {
    const [why] = message.split(';');
    return problem(
      `DATABASE_URL: the server's certificate is not accepted (${why}). Name its authority by sslrootcert=FILE; sslmode=require encrypts without proof of who answers`,
      error,
    );
  }
  return error instanceof Error ? error : new Error(message);
}

function problem(text: string, cause: unknown): ConfigError {
  const error = new ConfigError([text]);
  error.cause = cause;
  return error;
}
