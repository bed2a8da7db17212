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
  jsonDepth: {
    what: 'levels of the JSON of a body',
    limit: 32,
    unit: 'count',
    beyond: '400 `too_deep`',
    test: 'src/http/json-body.spec.ts',
  },
  jsonValues: {
    what: 'values in the JSON of a body',
    limit: 1_000,
    unit: 'count',
    beyond: '400 `too_many_values`',
    test: 'src/http/json-body.spec.ts',
  },
  stalledReader: {
    what: 'time for which a client takes nothing of an answer that waits for it',
    limit: 30_000,
    unit: 'ms',
    beyond: 'the connection is closed; a stream is resumed by the id of its last event',
    test: 'src/http/server-limits.spec.ts',
  },
  untakenAnswers: {
    what: 'answers that clients have not taken yet, of all connections together',
    limit: 128 * 1024 ** 2,
    unit: 'bytes',
    beyond:
      'the connections with the most are closed, at once; a stream is resumed by the id of its last event',
    test: 'src/http/server-limits.spec.ts',
  },
  acceptors: {
    what: 'sockets that listen for the port, where the system can share it; each accepts one connection per turn of the event loop',
    limit: 8,
    unit: 'count',
    beyond: 'connections that come at once wait their turn',
    test: 'src/http/acceptors.spec.ts',
  },
  connectionsPending: {
    what: 'connections that wait to be accepted, for each of these sockets; the system may allow fewer (`net.core.somaxconn`)',
    limit: 4096,
    unit: 'count',
    beyond: 'the client’s system tries again after a second',
    test: 'test/e2e/edge-boot.spec.ts',
  },
  connections: {
    what: 'connections of all clients to one process',
    limit: 20_000,
    unit: 'count',
    beyond: 'a further connection is closed at once',
    test: 'src/http/server-limits.spec.ts',
  },
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
  requestsAtOnce: {
    what: 'requests of one identity that are worked on at once in one process, until their answers have been taken; not what stays open',
    limit: 8,
    unit: 'count',
    beyond: 'they wait',
    test: 'src/limits/concurrent-requests.spec.ts',
  },
  expensiveAtOnce: {
    what: 'the same of requests for messages, usage and exports, whose answers may be megabytes or take long to find',
    limit: 4,
    unit: 'count',
    beyond: 'they wait',
    test: 'src/limits/concurrent-requests.spec.ts',
  },
  opensAtOnce: {
    what: 'streams and feeds of one identity that are looked up at once in one process, until their answers begin',
    limit: 8,
    unit: 'count',
    beyond: 'they wait',
    test: 'src/limits/concurrent-requests.spec.ts',
  },
  requestsWaiting: {
    what: 'requests of one identity that wait for that, of each kind',
    limit: 100,
    unit: 'count',
    beyond: '429 `rate_limited` with `Retry-After`',
    test: 'src/limits/concurrent-requests.spec.ts',
  },
  requestsWaitingMs: {
    what: 'time for which one of them waits',
    limit: 15_000,
    unit: 'ms',
    beyond: '429 `rate_limited` with `Retry-After`',
    test: 'src/limits/concurrent-requests.spec.ts',
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
export const OPEN_ANSWER_BOUNDS = {
  openAnswersOfIdentity: {
    what: 'streams, feeds, sockets, what these read, and waiting requests of one identity, open at once in one process',
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
  frames: {
    what: 'frames that a socket sends at once, and as many pings and pongs; 20 a second after that',
    limit: 40,
    unit: 'count',
    beyond: '`error` frame `rate_limited`; too many pings close the socket (1008)',
    test: 'test/e2e/socket/frames.spec.ts',
  },
  framesPerSecond: {
    what: 'frames of a socket, and its pings and pongs, in the long run',
    limit: 20 * 60,
    unit: 'per minute',
    beyond: 'the same',
    test: 'test/e2e/socket/frames.spec.ts',
  },
  fragments: {
    what: 'fragments of one message of a socket',
    limit: 1024,
    unit: 'count',
    beyond: 'the socket is closed (1008)',
    test: 'test/e2e/socket/frames.spec.ts',
  },
  faultyFrames: {
    what: 'frames in a row that are not understood',
    limit: 10,
    unit: 'count',
    beyond: 'the socket is closed (1008)',
    test: 'test/e2e/socket/frames.spec.ts',
  },
  unansweredPings: {
    what: 'pings that a client does not answer',
    limit: 2,
    unit: 'count',
    beyond: 'its connection is closed',
    test: 'test/e2e/socket/life-cycle.spec.ts',
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
export const IDENTITY_BOUNDS = {
  passwordsAtOnce: {
    what: 'passwords that one process hashes at the same time',
    limit: 2,
    unit: 'count',
    beyond: 'the next one waits',
    test: 'test/e2e/accounts/login.spec.ts',
  },
  passwordsWaiting: {
    what: 'passwords that wait to be hashed',
    limit: 80,
    unit: 'count',
    beyond: '503 `busy`',
    test: 'test/e2e/accounts/login.spec.ts',
  },
  apiKeysOfUser: {
    what: 'API keys of one user that can be used',
    limit: 100,
    unit: 'count',
    beyond: '409 `too_many_api_keys`',
    test: 'test/e2e/accounts/api-keys.spec.ts',
  },
  rememberedLimits: {
    what: 'networks, identities and routes whose share of a limit a process remembers; where there is no shared count, twice as many',
    limit: 50_000,
    unit: 'count',
    beyond: 'what was used longest ago is forgotten: its share is asked for again',
    test: 'src/http/bounded-map.spec.ts',
  },
  sessionsOfUser: {
    what: 'sessions of one user',
    limit: 100,
    unit: 'count',
    beyond: 'the next login ends the one that has not been refreshed for longest',
    test: 'test/e2e/accounts/login.spec.ts',
  },
  rememberedIdentities: {
    what: 'users, sessions and API keys that a process remembers, of each kind',
    limit: 10_000,
    unit: 'count',
    beyond: 'what was used longest ago is looked up again',
    test: 'test/e2e/accounts/statements.spec.ts',
  },
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
    what: 'time for which a session counts as authenticated after its password was given',
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
    test: 'src/auth/session-expiry-watcher.spec.ts',
  },
} as const satisfies Bounds;

/** Running replies, their log and what is read of them. */
export const REPLY_BOUNDS = {
  queuedReplies: {
    what: 'replies that wait in one conversation',
    limit: 20,
    unit: 'count',
    beyond: '409 `queue_full`',
    test: 'test/e2e/busy.spec.ts',
  },
  waitingForModel: {
    what: 'replies that wait for one model with `max_concurrent`',
    limit: 10_000,
    unit: 'count',
    beyond: '409 `queue_full`; turns that come in the same moment may exceed it by their number',
    test: 'test/e2e/model-slots/bounds.spec.ts',
  },
  waitingForModelOfUser: {
    what: 'of these, replies of one user',
    limit: 200,
    unit: 'count',
    beyond: 'the same',
    test: 'test/e2e/model-slots/bounds.spec.ts',
  },
  servedUsers: {
    what: 'users of whom a process keeps in mind when each model with `max_concurrent` last began a reply of theirs',
    limit: 500,
    unit: 'count',
    beyond: 'who was served longest ago is forgotten, and so comes before the others',
    test: 'src/llm/slots/slot-pool.spec.ts',
  },
  runningReplies: {
    what: 'running replies of one user',
    limit: 50,
    unit: 'count',
    variable: 'QUOTA_RUNNING_REPLIES',
    beyond:
      '429 `quota_exceeded` before the model is called; what the operator sets is exact under concurrency',
    test: 'test/e2e/accounts/usage.spec.ts',
  },
  pendingEvents: {
    what: 'events of one reply that are not stored yet',
    limit: 1_024,
    unit: 'count',
    beyond: 'the provider is read no further until they are',
    test: 'test/integration/chat/journal-reply-log.spec.ts',
  },
  pendingCharacters: {
    what: 'text of one reply that is not stored yet, as JSON',
    limit: 1024 ** 2,
    unit: 'characters',
    beyond: 'the provider is read no further until it is',
    test: 'test/integration/chat/journal-reply-log.spec.ts',
  },
  pendingCharactersOfAll: {
    what: 'text of all replies of a process that is not stored yet, as JSON',
    limit: 64 * 1024 ** 2,
    unit: 'characters',
    beyond: 'no provider is read any further until it is',
    test: 'test/integration/chat/journal-reply-log.spec.ts',
  },
  journalBatch: {
    what: 'text in one batch of the journal, as JSON',
    limit: 4 * 1024 ** 2,
    unit: 'characters',
    beyond: 'the next batch begins',
    test: 'test/integration/chat/journal-reply-log.spec.ts',
  },
  checkpointInterval: {
    what: 'age of what only the journal holds of a running reply',
    limit: 30_000,
    unit: 'ms',
    beyond: 'the reply is checkpointed to its row, and the journal before goes',
    test: 'test/integration/chat/checkpoints.spec.ts',
  },
  journalPage: {
    what: 'what recovery and readers in other processes read of a journal at a time',
    limit: 512 * 1024,
    unit: 'bytes',
    beyond: 'the next page is read when this one is worked off',
    test: 'test/integration/chat/recovery.spec.ts',
  },
  journalBatches: {
    what: 'batches that recovery and readers in other processes read of a journal at a time, however small they are',
    limit: 500,
    unit: 'count',
    beyond: 'the same',
    test: 'test/integration/chat/recovery.spec.ts',
  },
  journalDrop: {
    what: 'what one statement drops of a journal',
    limit: 16 * 1024 ** 2,
    unit: 'bytes',
    beyond: 'the next statement drops the next part',
    test: 'test/integration/chat/recovery.spec.ts',
  },
  recoveredText: {
    what: 'text that recovery holds in memory',
    limit: 48 * 1024 ** 2,
    unit: 'bytes',
    beyond: 'it is checkpointed to the rows of its replies before more is read',
    test: 'test/integration/chat/recovery.spec.ts',
  },
  unconfirmedTurns: {
    what: 'turns whose COMMIT lost its answer, kept for a repetition of their request',
    limit: 100,
    unit: 'count',
    beyond: 'the oldest is forgotten, and all of them after a minute; the reply ends as `interrupted`',
    test: 'test/integration/chat/orphaned-replies.spec.ts',
  },
  recentEndMs: {
    what: 'time after its end for which a reply that no feed has shown to its end comes first in a feed that is opened',
    limit: 10_000,
    unit: 'ms',
    beyond: 'the feed begins with the next reply; `GET /messages/{id}/stream` replays it',
    test: 'test/e2e/conversation-keys.spec.ts',
  },
  shownEnds: {
    what: 'replies that a process knows to have been shown to their end by a feed',
    limit: 10_000,
    unit: 'count',
    beyond:
      'the oldest is forgotten; a feed that is opened within 10 s of its end shows it once more, with the same ids',
    test: 'test/integration/chat/shown-ends.spec.ts',
  },
  orphanSeenMs: {
    what: 'time for which a process sees a reply of its own that it does not produce: the request may be repeated as soon as the database is back',
    limit: 5_000,
    unit: 'ms',
    beyond: 'the reply ends as `interrupted`',
    test: 'test/integration/chat/orphaned-replies.spec.ts',
  },
  parts: {
    what: 'parts of one reply',
    limit: 10_000,
    unit: 'count',
    beyond: 'neighbours are joined, the more the nearer the limit comes; no character is lost',
    test: 'test/integration/chat/many-events.spec.ts',
  },
  events: {
    what: 'events of one reply',
    limit: 200_000,
    unit: 'count',
    beyond: 'neighbours are joined, the more the nearer the limit comes; no character is lost',
    test: 'test/integration/chat/many-events.spec.ts',
  },
  // As JSON a character is six bytes at most, so that the line of an event stays below 64 KiB: readers of lines end there.
  eventCharacters: {
    what: 'text in one event',
    limit: 10_000,
    unit: 'characters',
    beyond: 'it goes on in the next event',
    test: 'src/replies/produce/delta-coalescer.spec.ts',
  },
  liveBatch: {
    what: 'events of a running reply that a reader is handed at a time',
    limit: 256,
    unit: 'count',
    beyond: 'the next ones follow when it has taken these',
    test: 'test/integration/chat/journal-reply-log.spec.ts',
  },
  changesOfUsers: {
    what: 'changes of users in the last minute that a process keeps in mind for replies that are about to begin',
    limit: 10_000,
    unit: 'count',
    beyond: 'the oldest is forgotten: such a reply goes on until the next change',
    test: 'src/http/bounded-map.spec.ts',
  },
  batchEvents: {
    what: 'events of a closed reply that are made at a time, for one reader',
    limit: 1024,
    unit: 'count',
    beyond:
      'the rest when the reader has taken them; replays take turns, one batch per turn of the event loop',
    test: 'test/integration/chat/many-events.spec.ts',
  },
  batchCharacters: {
    what: 'characters of a log that are made at a time, for one reader',
    limit: 128 * 1024,
    unit: 'characters',
    beyond: 'the rest when the reader has taken them; one event of an earlier version may be longer',
    test: 'src/replies/events/event-codec.spec.ts',
  },
  pageBytes: {
    what: 'bytes of the messages in one page of a list, or read at once for an export',
    limit: 1.5 * 1024 ** 2,
    unit: 'bytes',
    beyond: 'the page ends before the first message beyond it, with `next_cursor`; a page has at least one',
    test: 'test/e2e/long-pages.spec.ts',
  },
  listedParts: {
    what: 'parts of one message in a list of messages',
    limit: 1000,
    unit: 'count',
    beyond: 'cut, with `parts_truncated`; `content` and `GET /messages/{id}` are whole',
    test: 'test/integration/chat/many-events.spec.ts',
  },
  countedCharacters: {
    what: 'characters of a reply whose tokens are counted at a time',
    limit: 4096,
    unit: 'characters',
    beyond: 'counted in slices, between which others have their turn',
    test: 'src/llm/tokens/sliced-token-count.spec.ts',
  },
  // Until a process that is gone has been replaced: its lease (15 s) and a sweep (2.5 s), with room.
  stopWait: {
    what: 'wait for a reply that is stopped to end',
    limit: 25_000,
    unit: 'ms',
    beyond: '503 `stop_pending` with `Retry-After`; the reply still ends when its process can',
    test: 'test/e2e/stop-pending.spec.ts',
  },
} as const satisfies Bounds;

/** What model providers send. */
export const PROVIDER_BOUNDS = {
  checkMs: {
    what: 'time for which a check of a provider waits for its list of models, and for the first word of each model',
    limit: 10_000,
    unit: 'ms',
    beyond: 'it counts as `unreachable`, the model as `provider_timeout`',
    test: 'test/e2e/accounts/provider-answers.spec.ts',
  },
  checkBytes: {
    what: 'list of models that a provider answers to a check',
    limit: 1024 ** 2,
    unit: 'bytes',
    beyond: 'it counts as `invalid_response`',
    test: 'test/e2e/accounts/provider-answers.spec.ts',
  },
  checkedModels: {
    what: 'models of a provider that a check asks for a token',
    limit: 20,
    unit: 'count',
    beyond: 'the others are not asked',
    test: 'test/e2e/accounts/provider-check.spec.ts',
  },
  checkedAtOnce: {
    what: 'models that one check asks at once',
    limit: 4,
    unit: 'count',
    beyond: 'they wait',
    test: 'test/e2e/accounts/provider-check.spec.ts',
  },
  checksMs: {
    what: 'time for all models of a check',
    limit: 20_000,
    unit: 'ms',
    beyond: 'the others are `not_checked`',
    test: 'test/e2e/accounts/provider-check.spec.ts',
  },
  words: {
    what: 'words of a provider about a failure that are kept, without secrets and what the request says',
    limit: 500,
    unit: 'characters',
    beyond: 'cut',
    test: 'src/llm/openai/scrubber.spec.ts',
  },
  comparedCharacters: {
    what: 'text of a request that such words are compared with',
    limit: 4 * 1024 ** 2,
    unit: 'characters',
    beyond: 'the words are not kept',
    test: 'src/llm/openai/scrubber.spec.ts',
  },
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
    limit: 32 * 1024 * 1024,
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
export const STORAGE_BOUNDS = {
  usageDays: {
    what: 'days of one report of usage',
    limit: 366,
    unit: 'count',
    beyond: '400 `validation_failed`',
    test: 'test/e2e/accounts/usage.spec.ts',
  },
  usageGroups: {
    what: 'entries of one report of usage',
    limit: 1000,
    unit: 'count',
    beyond: 'those with the last keys are in it, with `data_truncated`; `total` is of all',
    test: 'test/e2e/accounts/usage.spec.ts',
  },
  searchedConversations: {
    what: 'conversations whose titles are looked at for one page of a search',
    limit: 10_000,
    unit: 'count',
    beyond: 'the page ends there, with `next_cursor`',
    test: 'test/e2e/contract/conversations.spec.ts',
  },
  listedVersions: {
    what: 'ids of versions beside a message',
    limit: 100,
    unit: 'count',
    beyond:
      'those nearest to it, with `sibling_ids_truncated`; `GET /messages/{id}/versions` has all, page by page',
    test: 'test/e2e/walk-versions.spec.ts',
  },
  ownProviders: {
    what: 'providers of one user',
    limit: 50,
    unit: 'count',
    beyond: '409 `too_many_providers`',
    test: 'test/e2e/accounts/providers.spec.ts',
  },
  modelsOfProvider: {
    what: 'models of such a provider',
    limit: 200,
    unit: 'count',
    beyond: '400; further names that the provider tells are left out',
    test: 'test/e2e/accounts/providers.spec.ts',
  },
  modelOptions: {
    what: 'what a user says of the models of such a provider',
    limit: 64 * 1024,
    unit: 'bytes',
    beyond: '400',
    test: 'test/e2e/accounts/provider-options.spec.ts',
  },
  ownWindow: {
    what: 'tokens of the window that a user says such a model has',
    limit: 2_097_152,
    unit: 'count',
    beyond: '400',
    test: 'test/e2e/accounts/provider-options.spec.ts',
  },
  openedKeys: {
    what: 'keys of such providers that a process keeps opened, each for ten minutes after its last use',
    limit: 1_000,
    unit: 'count',
    beyond: 'what was used longest ago is opened again',
    test: 'src/providers/own-models.spec.ts',
  },
  preparedStatements: {
    what: 'statements that a connection to the database keeps prepared',
    limit: 256,
    unit: 'count',
    beyond: 'further ones are sent whole',
    test: 'test/integration/database/prepared-statements.spec.ts',
  },
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
  auditRetention: {
    what: 'time for which it is recorded what was done to accounts, keys and data; 0: for ever',
    limit: 31_536_000_000,
    unit: 'ms',
    variable: 'AUDIT_RETENTION_DAYS',
    beyond: 'deleted within the hour',
    test: 'test/e2e/accounts/audit-retention.spec.ts',
  },
  expiredSlice: {
    what: 'sessions, tickets, login attempts, limits and notes of changes that are removed at once when their time is over',
    limit: 1_000,
    unit: 'count',
    beyond: 'the next request of the kind, or the next round, removes more',
    test: 'test/e2e/accounts/expired-rows.spec.ts',
  },
  auditSlice: {
    what: 'old records of the audit that one statement deletes',
    limit: 2000,
    unit: 'count',
    beyond: 'the next statement',
    test: 'test/e2e/accounts/audit-retention.spec.ts',
  },
} as const satisfies Bounds;

/** Work in the background. */
export const JOB_BOUNDS = {
  openJobs: {
    what: 'jobs of one user that wait or run',
    limit: 1_000,
    unit: 'count',
    beyond: '409 `too_many_jobs`; a conversation keeps its first words as its title',
    test: 'test/e2e/jobs/jobs.spec.ts',
  },
  finishedJobs: {
    what: 'time for which a job that is over can be read',
    limit: 7 * 24 * 3600_000,
    unit: 'ms',
    beyond: 'it is deleted',
    test: 'test/e2e/jobs/jobs.spec.ts',
  },
  endedQueueEntries: {
    what: 'time for which the queue keeps what it has done',
    limit: 3600_000,
    unit: 'ms',
    beyond: 'it is deleted within another hour',
    test: 'test/e2e/jobs/queue.spec.ts',
  },
  titleJobs: {
    what: 'titles that a process asks models for at once',
    limit: 32,
    unit: 'count',
    beyond: 'others wait',
    test: 'test/e2e/jobs/titles.spec.ts',
  },
  titleTime: {
    what: 'time for a title, tries and fallbacks included',
    limit: 30_000,
    unit: 'ms',
    beyond: 'it is tried again later, twice; then the first words stay',
    test: 'test/e2e/jobs/titles.spec.ts',
  },
  titleCharacters: {
    what: 'length of a title that a model makes',
    limit: 60,
    unit: 'characters',
    beyond: 'it is cut at a word',
    test: 'src/titles/title-text.spec.ts',
  },
  titleInput: {
    what: 'what the title model is shown of the question, and of the answer',
    limit: 2_000,
    unit: 'characters',
    beyond: 'the rest is left out',
    test: 'src/titles/title-text.spec.ts',
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
  'Work in the background': JOB_BOUNDS,
} as const satisfies Readonly<Record<string, Bounds>>;
