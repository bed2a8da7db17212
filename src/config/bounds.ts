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
export const OUTBOUND_BOUNDS = {} as const satisfies Bounds;

/** What is kept: rows, copies, records. */
export const STORAGE_BOUNDS = {
  rowsOfSlice: {
    what: 'rows that one transaction removes of a user or a conversation',
    limit: 2000,
    unit: 'count',
    beyond: 'the rest follows in further transactions, in the background',
    test: 'test/e2e/accounts/erasure.spec.ts',
  },
  sliceTime: {
    what: 'duration that such a transaction aims at; it takes fewer rows where they take longer',
    limit: 250,
    unit: 'ms',
    beyond: 'the next one takes fewer rows',
    test: 'src/database/sliced-work.spec.ts',
  },
  erasureInRequest: {
    what: 'time that the erasure of a user takes within its request',
    limit: 2000,
    unit: 'ms',
    beyond:
      '202, and it goes on in the background; the identity gets 409 `erasure_in_progress` until it is done',
    test: 'test/e2e/accounts/erasure.spec.ts',
  },
  forkedPath: {
    what: 'messages of a path that a fork copies',
    limit: 10_000,
    unit: 'count',
    beyond: '409 `path_too_long`',
    test: 'test/e2e/accounts/erasure.spec.ts',
  },
  reservedFrom: {
    what: 'messages of a conversation that are summed to know what a turn may take of a quota of tokens',
    limit: 10_000,
    unit: 'count',
    beyond: "all that the model's window takes is set aside",
    test: 'test/e2e/accounts/usage.spec.ts',
  },
  idempotencyKeys: {
    what: 'age of an idempotency key, of which ids are kept and no contents',
    limit: 48 * 3_600_000,
    unit: 'ms',
    beyond: 'it is forgotten',
    test: 'test/e2e/idempotency.spec.ts',
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
