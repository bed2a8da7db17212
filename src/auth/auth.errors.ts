import { AppError } from '../errors/app-error';

export function unauthenticated(challenge: string, detail: string): AppError {
  return new AppError('unauthenticated', 'unauthenticated', detail, {
    headers: { 'WWW-Authenticate': challenge },
  });
}

export function invalidTicket(challenge: string): AppError {
  return new AppError('unauthenticated', 'invalid_ticket', 'The ticket is unknown, spent or expired.', {
    headers: { 'WWW-Authenticate': challenge },
  });
}

export function invalidUserId(): AppError {
  return new AppError(
    'invalid',
    'invalid_user_id',
    'A user id has 1 to 128 characters of A-Z a-z 0-9 . _ @ : - and is given once.',
  );
}
