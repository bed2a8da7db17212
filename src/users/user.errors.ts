import { AppError } from '../errors/app-error';
import type { AccountNameKind } from './account-name.entity';

/** Seconds until somebody whose erasure goes on may ask again. */
const ERASURE_RETRY_S = 5;

export const userNotFound = () => new AppError('not_found', 'user_not_found', 'No user with this id.');

export const erasureInProgress = () =>
  new AppError('conflict', 'erasure_in_progress', 'This user is being erased; try again when that is done.', {
    retryAfterS: ERASURE_RETRY_S,
  });

export const identityGone = () =>
  new AppError('unauthenticated', 'unauthenticated', 'This identity exists no longer.');

export const usernameTaken = () =>
  new AppError('conflict', 'username_taken', 'Somebody else has this username.');

export const emailTaken = () =>
  new AppError('conflict', 'email_taken', 'Somebody else has this e-mail address.');

export const lastAdmin = () =>
  new AppError('conflict', 'last_admin', 'This is the only administrator; make another one first.');

/** Of a name of this kind. */
export const nameTaken = (kind: AccountNameKind) => (kind === 'username' ? usernameTaken() : emailTaken());
