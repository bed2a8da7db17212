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

const REPLY_CHARACTERS = 500_000;
const PROVIDER_GIVEN_UP = 'the reply fails with `provider_invalid_response`; its text so far is kept';

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
export const PROVIDER_BOUNDS = {
  replyCharacters: {
    what: 'one reply, reasoning included',
    limit: REPLY_CHARACTERS,
    unit: 'characters',
    variable: 'LLM_MAX_REPLY_CHARS',
    beyond: 'the reply is cut and fails with `max_output`',
    test: 'test/e2e/contract/provider-faults.spec.ts',
  },
  // JSON may write a character as `\uXXXX`, six bytes; two are for what is around the text.
  bytesOfEvent: {
    what: "one event of a model's stream, or one reply that is no stream",
    limit: 4 * 1024 * 1024,
    unit: 'bytes',
    variable: 'LLM_MAX_REPLY_CHARS',
    beyond: PROVIDER_GIVEN_UP,
    test: 'test/integration/llm-stream-bounds.spec.ts',
  },
  linesOfEvent: {
    what: 'lines of one event',
    limit: 1_000,
    unit: 'count',
    beyond: PROVIDER_GIVEN_UP,
    test: 'test/integration/llm-stream-bounds.spec.ts',
  },
  valuesOfEvent: {
    what: 'values in one event, or in any other JSON of a provider, of more than 64 kB',
    limit: 100_000,
    unit: 'count',
    beyond: PROVIDER_GIVEN_UP,
    test: 'src/llm/openai/provider-json.spec.ts',
  },
  // Tokens of one to four characters come in events of 250 to 700 bytes each.
  bytesOfStream: {
    what: 'one stream of a model; each piece that the network brings counts as 64 at least',
    limit: 256 * REPLY_CHARACTERS,
    unit: 'bytes',
    variable: 'LLM_MAX_REPLY_CHARS',
    beyond: PROVIDER_GIVEN_UP,
    test: 'src/llm/openai/stream-reader.spec.ts',
  },
  idleLines: {
    what: 'lines of one stream, all at once, that bring nothing: comments, blank lines, events without text',
    limit: 20_000,
    unit: 'count',
    beyond: PROVIDER_GIVEN_UP,
    test: 'test/integration/llm-stream-bounds.spec.ts',
  },
  // Comments that keep a connection alive are a few lines a second, empty chunks for hidden reasoning hundreds.
  idleLinesPerMinute: {
    what: 'such lines for as long as the stream lasts',
    limit: 60_000,
    unit: 'per minute',
    beyond: PROVIDER_GIVEN_UP,
    test: 'src/llm/openai/stream-budget.spec.ts',
  },
  heldByAll: {
    what: 'all answers of providers together, as far as they cannot be handed on yet',
    limit: 64 * 1024 * 1024,
    unit: 'bytes',
    beyond: 'the answer that grows fails with `provider_invalid_response`',
    test: 'test/integration/llm-stream-bounds.spec.ts',
  },
  heldUnasked: {
    what: 'one of these answers, if the others have used up their sum',
    limit: 256 * 1024,
    unit: 'bytes',
    beyond: 'as above',
    test: 'src/llm/openai/held-bytes.spec.ts',
  },
  waitingBytes: {
    what: 'one answer that waits for a slow reader',
    limit: 256 * 1024,
    unit: 'bytes',
    beyond: 'the provider has to wait',
    test: 'test/integration/llm-openai-client.spec.ts',
  },
  errorBytes: {
    what: 'the body of a refusal',
    limit: 1024 * 1024,
    unit: 'bytes',
    beyond: 'the rest is not read; the status counts',
    test: 'test/integration/llm-openai-client.spec.ts',
  },
  usageTokens: {
    what: "tokens that a provider counts for one reply, or sixteen times the model's window if that is more",
    limit: 10_000_000,
    unit: 'count',
    beyond: 'not believed: the service counts',
    test: 'src/llm/openai/usage.spec.ts',
  },
} as const satisfies Bounds;

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
