/**
 * Every bound on what comes in, waits or grows. The code takes its limits from here and the table in `docs/security.md` is made
 * from here (`npm run bounds`), so the two cannot differ. Whoever adds something that comes in, waits or grows adds its bounds
 * here: bytes, pieces, time, number per user and sum over all users. A cost that is paid per piece needs a bound on pieces, not
 * on bytes; a limit per item needs a limit on the sum.
 */
export interface Bound {
  /** What is bounded, as the table names it. */
  what: string;
  limit: number;
  unit: 'bytes' | 'ms' | 'characters' | 'count' | 'per minute';
  /** The environment variable that sets it; `limit` is its default then. */
  variable?: string;
  /** What happens beyond it. */
  beyond: string;
  /** The test that shows it, from the project's root. */
  test: string;
}

type Bounds = Readonly<Record<string, Readonly<Bound>>>;

/** Connections and requests. */
export const HTTP_BOUNDS = {
  requestsOfNetwork: {
    what: 'requests of one network',
    limit: 3000,
    unit: 'per minute',
    variable: 'RATE_LIMIT_ADDRESS',
    beyond: '429 `rate_limited` with `Retry-After`',
    test: 'test/e2e/accounts/rate-limits.spec.ts',
  },
  requestsOfIdentity: {
    what: 'requests of one identity',
    limit: 1200,
    unit: 'per minute',
    variable: 'RATE_LIMIT_IDENTITY',
    beyond: '429 `rate_limited` with `Retry-After`',
    test: 'test/e2e/accounts/rate-limits.spec.ts',
  },
  turnsOfIdentity: {
    what: 'turns that one identity begins',
    limit: 120,
    unit: 'per minute',
    variable: 'RATE_LIMIT_CHAT',
    beyond: '429 `rate_limited` with `Retry-After`',
    test: 'test/e2e/accounts/rate-limits.spec.ts',
  },
} as const satisfies Bounds;

/** Answers that stay open: streams, feeds, sockets, POSTs that wait. */
export const OPEN_ANSWER_BOUNDS = {} as const satisfies Bounds;

/** Who logs in, guesses, refreshes. */
export const IDENTITY_BOUNDS = {
  logins: {
    what: 'requests of one network that log in or register; of one identity that give the password again or change it',
    limit: 60,
    unit: 'per minute',
    variable: 'RATE_LIMIT_LOGIN',
    beyond: '429 `rate_limited`; who is known from the network has attempts of their own',
    test: 'test/e2e/accounts/shared-networks.spec.ts',
  },
  guessesOfPair: {
    what: 'wrong passwords for one name from one network, after which waits double from 2 s to 15 min, where the owner is known to 20 s',
    limit: 10,
    unit: 'count',
    beyond: '429 `too_many_attempts`',
    test: 'test/e2e/accounts/guessing.spec.ts',
  },
  guessesOfNetwork: {
    what: 'wrong passwords from one network, after which waits double from 1 s to 60 s',
    limit: 50,
    unit: 'count',
    beyond: '429 `too_many_attempts`, but where the owner is known',
    test: 'test/e2e/accounts/guessing.spec.ts',
  },
  guessesOfAccount: {
    what: 'wrong passwords for one name from all networks, after which waits double from 1 s to 10 s',
    limit: 100,
    unit: 'count',
    beyond: '429 `too_many_attempts`, but where the owner is known',
    test: 'test/e2e/accounts/guessing.spec.ts',
  },
  knownAttempts: {
    what: 'attempts at one account from a network where its owner is known, beyond the limits before',
    limit: 3,
    unit: 'per minute',
    beyond: '429 `too_many_attempts` for 20 s at most',
    test: 'test/e2e/accounts/shared-networks.spec.ts',
  },
  refreshLeeway: {
    what: 'time for which a spent refresh token is answered with the token that followed it',
    limit: 10_000,
    unit: 'ms',
    beyond: '401 `invalid_refresh_token`, and the session ends',
    test: 'test/e2e/accounts/refresh-tokens.spec.ts',
  },
  reauthenticationAge: {
    what: 'time for which a password that was given vouches for its session',
    limit: 300_000,
    unit: 'ms',
    variable: 'REAUTHENTICATION_MAX_AGE_S',
    beyond: '403 `reauthentication_required`',
    test: 'test/e2e/accounts/reauthentication.spec.ts',
  },
  identityLookUps: {
    what: 'look-ups at the same time whether open streams and sockets may stay open, one for all of a credential',
    limit: 4,
    unit: 'count',
    beyond: 'they wait for each other',
    test: 'src/auth/identity-watch.spec.ts',
  },
} as const satisfies Bounds;

/** Running replies, their log and what is read of them. */
export const REPLY_BOUNDS = {} as const satisfies Bounds;

/** What model providers send. */
export const PROVIDER_BOUNDS = {} as const satisfies Bounds;

/** Host names and connections that users or foreign servers name. */
export const OUTBOUND_BOUNDS = {} as const satisfies Bounds;

/** What is kept: rows, copies, records. */
export const STORAGE_BOUNDS = {
  auditRetention: {
    what: 'time for which it is recorded what was done to accounts, keys and data; 0: for ever',
    limit: 31_536_000_000,
    unit: 'ms',
    variable: 'AUDIT_RETENTION_DAYS',
    beyond: 'deleted within the hour',
    test: 'test/e2e/accounts/audit-retention.spec.ts',
  },
  auditSlice: {
    what: 'records of the audit that one statement deletes or makes anonymous',
    limit: 2000,
    unit: 'count',
    beyond: 'the next statement',
    test: 'test/e2e/accounts/audit-retention.spec.ts',
  },
} as const satisfies Bounds;

/** All of them, in the order of the table. */
export const BOUNDS = {
  'Connections and requests': HTTP_BOUNDS,
  'Open answers': OPEN_ANSWER_BOUNDS,
  'Identity and guessing': IDENTITY_BOUNDS,
  'Replies and their log': REPLY_BOUNDS,
  'What providers send': PROVIDER_BOUNDS,
  'Names and outgoing connections': OUTBOUND_BOUNDS,
  'What is stored': STORAGE_BOUNDS,
} as const satisfies Readonly<Record<string, Bounds>>;
