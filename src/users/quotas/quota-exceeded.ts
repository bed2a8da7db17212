import { AppError } from '../../errors/app-error';

const refused = (detail: string, retryAfterS: number) =>
  new AppError('rate_limited', 'quota_exceeded', detail, { retryAfterS });

export const quotaExceeded = (what = 'tokens of today', retryAfterS = 3600) =>
  refused(`Your ${what} are used up.`, retryAfterS);

/** Error for a full storage quota. Waiting does not help here: only deletion makes room. */
export const storageFull = () => refused('You have stored as much as you may; delete something first.', 3600);

const WHEN_REPLY_ENDS_S = 5;

export const tooManyRunning = () => quotaExceeded('running replies', WHEN_REPLY_ENDS_S);
