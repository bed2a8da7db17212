import type { JWTPayload } from 'jose';

/** The end of the year 9999, after which times can no longer be written down. */
const LATEST_S = 253_402_300_799;
/** Clocks differ a little. */
export const TOLERANCE_S = 5;

/** Whether a token's times are times, and it was not made in the future. What is over, the library knows. */
export function hasSaneTimes({ iat, exp }: JWTPayload): boolean {
  const now = Date.now() / 1000;
  return typeof exp === 'number' && exp < LATEST_S && (iat === undefined || iat <= now + TOLERANCE_S);
}
