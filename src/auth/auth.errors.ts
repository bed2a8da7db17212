import type { ErrorCode } from '../errors/error-codes';
import { AppError } from '../errors/app-error';
import type { Scope } from './identity';

export function unauthenticated(challenge: string, detail: string): AppError {
  return refused('unauthenticated', detail, challenge);
}

export function invalidToken(challenge: string): AppError {
  return refused(
    'invalid_token',
    'The token is not valid, or not any more.',
    `${challenge}, error="invalid_token"`,
  );
}

export function invalidTicket(challenge: string): AppError {
  return refused('invalid_ticket', 'The ticket is unknown, spent or expired.', challenge);
}

export function lockedOut(challenge: string): AppError {
  return refused('locked_out', 'This user may not use the service.', challenge);
}

/** The same for a name that does not exist, a password that is wrong, and a user who is locked out. */
export function invalidCredentials(): AppError {
  return new AppError('unauthenticated', 'invalid_credentials', 'The name or the password is wrong.');
}

export function isTooManyAttempts(error: unknown): boolean {
  return error instanceof AppError && error.code === 'too_many_attempts';
}

export function invalidRefreshToken(): AppError {
  return new AppError('unauthenticated', 'invalid_refresh_token', 'Log in again.');
}

export function invalidResetToken(): AppError {
  return new AppError(
    'invalid',
    'invalid_reset_token',
    'The link is unknown, spent or expired; ask for another one.',
  );
}

/** Changes that a stolen access token must not be enough for. */
export function reauthenticationRequired(): AppError {
  return new AppError(
    'forbidden',
    'reauthentication_required',
    'Give the password again first: POST /auth/reauthenticate.',
  );
}

/** A page of a foreign origin has sent what only our own may: a request with the cookie of a refresh token. */
export function cookieOriginNotAllowed(): AppError {
  return new AppError('forbidden', 'origin_not_allowed', 'Pages of this origin may not use the cookie.');
}

export function invalidUserId(): AppError {
  return new AppError(
    'invalid',
    'invalid_user_id',
    'A user id has 1 to 128 characters of printable ASCII without spaces, commas, slashes, percent signs and quotes, and is given once.',
  );
}

export function notAnAdmin(): AppError {
  return new AppError('forbidden', 'forbidden', 'This is for administrators only.');
}

export function insufficientScope(scope?: Scope): AppError {
  const detail = scope ? `The API key needs the scope ${scope}.` : 'This cannot be done with an API key.';
  return new AppError('forbidden', 'insufficient_scope', detail, {
    headers: { 'WWW-Authenticate': `Bearer realm="parley", error="insufficient_scope"` },
  });
}

/** What the routes of accounts answer where somebody else knows the users. */
export function noAccountsHere(): AppError {
  return new AppError('not_found', 'no_accounts_here', 'This service does not keep accounts of its own.');
}

export function registrationClosed(): AppError {
  return new AppError('forbidden', 'registration_closed', 'Accounts are made by an administrator.');
}

export function tooManyAttempts(retryAfterS: number): AppError {
  return new AppError('rate_limited', 'too_many_attempts', 'Too many attempts; wait before the next one.', {
    retryAfterS,
  });
}

function refused(code: ErrorCode, detail: string, challenge: string): AppError {
  return new AppError('unauthenticated', code, detail, { headers: { 'WWW-Authenticate': challenge } });
}
