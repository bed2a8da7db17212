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
export const OPEN_ANSWER_BOUNDS = {
  openAnswersOfIdentity: {
    what: 'streams, feeds, sockets and waiting requests of one identity, open at once in one process',
    limit: 200,
    unit: 'count',
    variable: 'MAX_OPEN_STREAMS_PER_USER',
    beyond: '429 `too_many_streams` with `Retry-After`',
    test: 'test/e2e/accounts/open-answers.spec.ts',
  },
  socketsOfIdentity: {
    what: 'sockets of one identity, open at once in one process',
    limit: 50,
    unit: 'count',
    beyond: '429 `too_many_sockets` with `Retry-After`',
    test: 'test/e2e/socket/handshake.spec.ts',
  },
  readingsOfSocket: {
    what: 'streams that one socket reads at once',
    limit: 64,
    unit: 'count',
    beyond: '`error` frame `too_many_streams`',
    test: 'test/e2e/socket/replies.spec.ts',
  },
} as const satisfies Bounds;

/** Who logs in, guesses, refreshes. */
export const IDENTITY_BOUNDS = {} as const satisfies Bounds;

/** Running replies, their log and what is read of them. */
export const REPLY_BOUNDS = {
  // Until a process that is gone has been replaced: its lease (15 s) and a sweep (2.5 s), with room.
  stopPatience: {
    what: 'wait for a reply that is stopped to end',
    limit: 25_000,
    unit: 'ms',
    beyond: '503 `stop_pending` with `Retry-After`; the reply still ends when its process can',
    test: 'test/e2e/stop-pending.spec.ts',
  },
} as const satisfies Bounds;

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
