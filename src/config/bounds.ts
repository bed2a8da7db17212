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
  requestsAhead: {
    what: 'requests that a connection sends ahead of their answers; they are answered one by one',
    limit: 128,
    unit: 'count',
    beyond: 'those are answered, then the connection is closed',
    test: 'test/e2e/security/requests.spec.ts',
  },
  requestsAheadMs: {
    what: 'time for the answers to those, once there are more',
    limit: 5000,
    unit: 'ms',
    beyond: 'the connection is cut',
    test: 'test/e2e/security/requests.spec.ts',
  },
  refusalsInARow: {
    what: 'answers of 4xx in a row on one connection',
    limit: 50,
    unit: 'count',
    beyond: 'the connection is closed with the last one',
    test: 'test/e2e/security/requests.spec.ts',
  },
  requestMs: {
    what: 'time in which a request arrives, with headers and body',
    limit: 120_000,
    unit: 'ms',
    beyond: '408 `request_timeout`, and the connection is closed',
    test: 'test/e2e/edge-raw.spec.ts',
  },
  bodyMs: {
    what: 'time for a body, besides what its length may take',
    limit: 30_000,
    unit: 'ms',
    beyond: '408 `request_timeout`',
    test: 'test/e2e/security/bodies.spec.ts',
  },
  bodyBytesPerSecond: {
    what: 'speed of a body that has used up that time, in bytes a second (at least)',
    limit: 8192,
    unit: 'bytes',
    beyond: '408 `request_timeout`',
    test: 'test/e2e/security/bodies.spec.ts',
  },
  bodyPieces: {
    what: 'pieces (chunks, or reads of the connection) of a body, besides one for each 64 bytes',
    limit: 1024,
    unit: 'count',
    beyond: '400 `too_many_pieces`; nothing more of it is read',
    test: 'test/e2e/security/bodies.spec.ts',
  },
  bodyBytesOfPiece: {
    what: 'length of a piece, on average, of a body in more pieces (at least)',
    limit: 64,
    unit: 'bytes',
    beyond: '400 `too_many_pieces`; nothing more of it is read',
    test: 'test/e2e/security/bodies.spec.ts',
  },
  bodiesOfNetwork: {
    what: 'unfinished bodies of one network, together; at least two of `HTTP_BODY_LIMIT`',
    limit: 16 * 1024 ** 2,
    unit: 'bytes',
    beyond: '429 `too_many_uploads` with `Retry-After`',
    test: 'test/e2e/security/bodies.spec.ts',
  },
  bodiesOfProcess: {
    what: 'unfinished bodies in all; at least four of `HTTP_BODY_LIMIT`',
    limit: 64 * 1024 ** 2,
    unit: 'bytes',
    beyond: '503 `overloaded` with `Retry-After`',
    test: 'test/e2e/security/bodies.spec.ts',
  },
  discardedBytes: {
    what: 'what is thrown away of a refused body, so that its sender can read the answer',
    limit: 16 * 1024 ** 2,
    unit: 'bytes',
    beyond: 'the connection is cut',
    test: 'test/e2e/security/bodies.spec.ts',
  },
  discardedMs: {
    what: 'time for that',
    limit: 5000,
    unit: 'ms',
    beyond: 'the connection is cut',
    test: 'test/e2e/security/bodies.spec.ts',
  },
  readinessMs: {
    what: 'age of what `/health/ready` answers; the database is asked once in that time, whoever asks',
    limit: 1000,
    unit: 'ms',
    beyond: 'the last answer is given',
    test: 'test/e2e/security/requests.spec.ts',
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
