import { AppError } from '../../errors/app-error';

const refused = (detail: string, retryAfterS: number) =>
  new AppError('rate_limited', 'quota_exceeded', detail, { retryAfterS });

export const quotaExceeded = (what = 'tokens of today', retryAfterS = 3600) =>
  refused(`Your ${what} are used up.`, retryAfterS);

/** It is not time that makes room here. */
export const storageFull = () => refused('You have stored as much as you may; delete something first.', 3600);

const WHEN_REPLY_ENDS_S = 5;

export const tooManyRunning = () => quotaExceeded('running replies', WHEN_REPLY_ENDS_S);
