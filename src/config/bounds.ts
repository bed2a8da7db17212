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
export const IDENTITY_BOUNDS = {} as const satisfies Bounds;

/** Running replies, their log and what is read of them. */
export const REPLY_BOUNDS = {} as const satisfies Bounds;

/** What model providers send. */
export const PROVIDER_BOUNDS = {} as const satisfies Bounds;

/** Host names and connections that users or foreign servers name. */
export const OUTBOUND_BOUNDS = {
  lookupsOfUser: {
    what: 'host names of one user that are looked up at once',
    limit: 2,
    unit: 'count',
    beyond: 'they wait; those of users with fewer come first',
    test: 'test/integration/outbound/user-names.spec.ts',
  },
  lookups: {
    what: 'host names of all users that are looked up at once',
    limit: 16,
    unit: 'count',
    beyond: 'they wait; those of users with fewer come first',
    test: 'test/integration/outbound/user-names.spec.ts',
  },
  waitingLookupsOfUser: {
    what: 'host names of one user that wait to be looked up',
    limit: 8,
    unit: 'count',
    beyond: '429 `too_many_lookups` with `Retry-After`; a turn fails with `provider_unreachable`',
    test: 'test/integration/outbound/user-names.spec.ts',
  },
  waitingLookups: {
    what: 'host names of all users that wait to be looked up',
    limit: 128,
    unit: 'count',
    beyond: '429 `too_many_lookups` with `Retry-After`; a turn fails with `provider_unreachable`',
    test: 'test/integration/outbound/user-names.spec.ts',
  },
  lookupWait: {
    what: 'how long a host name waits to be looked up',
    limit: 3000,
    unit: 'ms',
    beyond: '429 `too_many_lookups` with `Retry-After`; a turn fails with `provider_unreachable`',
    test: 'test/integration/outbound/user-names.spec.ts',
  },
  lookupTime: {
    what: 'how long a host name of a user is looked up',
    limit: 3000,
    unit: 'ms',
    beyond: '400 `url_not_allowed`; a turn fails with `provider_timeout`',
    test: 'test/integration/outbound/user-names.spec.ts',
  },
  addressesOfName: {
    what: 'addresses of one name and family that are looked at',
    limit: 16,
    unit: 'count',
    beyond: 'the rest is not called',
    test: 'test/integration/outbound/user-names.spec.ts',
  },
} as const satisfies Bounds;

/** What is kept: rows, copies, records. */
export const STORAGE_BOUNDS = {} as const satisfies Bounds;

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
