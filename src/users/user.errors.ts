import { constraintOf } from '../database/database-error';
import { AppError } from '../errors/app-error';

/** Seconds until somebody whose erasure goes on may ask again. */
const ERASURE_RETRY_S = 5;

export const userNotFound = () => new AppError('not_found', 'user_not_found', 'No user with this id.');

export const erasureInProgress = () =>
  new AppError('conflict', 'erasure_in_progress', 'This user is being erased; try again when that is done.', {
    retryAfterS: ERASURE_RETRY_S,
  });

export const usernameTaken = () =>
  new AppError('conflict', 'username_taken', 'Somebody else has this username.');

export const emailTaken = () =>
  new AppError('conflict', 'email_taken', 'Somebody else has this e-mail address.');

export const lastAdmin = () =>
  new AppError('conflict', 'last_admin', 'This is the only administrator; make another one first.');

/** The index, not a look beforehand, says whether a name is taken. */
export function asTaken(error: unknown): never {
  const constraint = constraintOf(error);
  if (constraint === 'uq_users_username') throw usernameTaken();
  if (constraint === 'uq_users_email') throw emailTaken();
  throw error;
}
