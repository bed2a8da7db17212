import {
  type Asked,
  connect,
  ConnectionError,
  ProblemError,
  readEvents,
  request,
  type StreamOptions,
} from './connection.js';
import type {
  EditMessage,
  ReplyEvent,
  ReplyOptions,
  SendMessage,
  StartChat,
  UserEvent,
} from './types.gen.js';

/** Attempts in a row that may fail before a reply has shown an event. */
const MAX_RETRIES = 10;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
/** Longer than this is not waited for, whatever `Retry-After` says; a timer of more than 24 days would fire at once. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;
/** Replies or events that a reader remembers, so that none is shown twice. */
const REMEMBERED = 1_000;

export interface FollowOptions extends StreamOptions {
  /** `id` of the last event that was shown: goes on right after it. */
  after?: string;
}

export interface TurnOptions extends StreamOptions {
  /** Names the turn, so that it is made once however often it is asked for. Default: a random one. */
  idempotencyKey?: string;
}

/** An edited user message, another reply to the same message, or the rest of a reply that was cut. */
export type NewVersion =
  { action: 'edit'; turn: EditMessage } | { action: 'regenerate' | 'continue'; turn?: ReplyOptions };

/** An event with its `id`, to be given as `after`. What is only told to who listens right now (`queued`, `title`) has none. */
export type Shown<E> = E & { id?: string };

/**
 * Sends a message and gives the events of its reply, up to `end` or `error`. Without `conversationId` a conversation is made, which `start` names.
 *
 * The turn is made once: a request whose answer was lost is repeated with the same key, and a stream that broke goes on after its last event.
 * A 4xx is thrown at once; 5xx and lost connections are tried again. A 429 is thrown, too, if it answers the first request, and
 * waited out (`Retry-After`) once the turn may have been made.
 * @throws {ProblemError} the service refused; {ConnectionError} it could not be reached for `maxRetries` attempts in a row
 */
export function streamTurn({
  conversationId,
  turn,
  ...options
}: TurnOptions & { conversationId?: string; turn: SendMessage | StartChat }): AsyncGenerator<
  Shown<ReplyEvent>
> {
  const chat = conversationId === undefined ? 'chat' : `chat/${encodeURIComponent(conversationId)}/stream`;
  return streamPost(options, chat, turn);
}

/** Edits a user message, regenerates a reply or goes on with one, and gives the events of the new reply, as `streamTurn` does. */
export function streamVersion({
  messageId,
  action,
  turn = {},
  ...options
}: TurnOptions & NewVersion & { messageId: string }): AsyncGenerator<Shown<ReplyEvent>> {
  return streamPost(options, `messages/${encodeURIComponent(messageId)}/${action}`, turn);
}

/** Gives the events of a reply that was begun elsewhere or earlier, up to `end` or `error`: what a page does after it was reloaded. */
export function followReply({
  messageId,
  ...options
}: FollowOptions & { messageId: string }): AsyncGenerator<Shown<ReplyEvent>> {
  const path = `messages/${encodeURIComponent(messageId)}/stream`;
  return streamEvents<ReplyEvent>(options, () => ({ path }), isLast);
}

/** Gives the events of all replies of a conversation, whoever asked for them: first of the running one, then of each later one, without end. */
export function followConversation({
  conversationId,
  ...options
}: FollowOptions & { conversationId: string }): AsyncGenerator<Shown<ReplyEvent>> {
  const path = `chat/${encodeURIComponent(conversationId)}/stream`;
  return streamEvents(options, () => ({ path }));
}

/**
 * Gives what happens to all conversations of the user, without end; with `include: 'chunks'` also the events of every running reply.
 * An event `reset` says that events are missing: load your lists again.
 */
export function followEvents({
  include,
  ...options
}: FollowOptions & { include?: 'chunks' }): AsyncGenerator<Shown<UserEvent>> {
  const path = include === undefined ? 'events' : `events?include=${include}`;
  return streamEvents(options, () => ({ path }));
}

async function* streamPost(
  { idempotencyKey = randomKey(), ...options }: TurnOptions,
  path: string,
  turn: object,
): AsyncGenerator<Shown<ReplyEvent>> {
  // Written once: another body with the same key would be refused.
  const post: Asked = { path, body: JSON.stringify(turn), key: idempotencyKey };
  let reply: string | undefined;
  const ask = () => (reply === undefined ? post : { path: `messages/${reply}/stream` });
  for await (const event of streamEvents<ReplyEvent>(options, ask, isLast)) {
    // Of `start`, or of `queued` before it.
    if ('message_id' in event.data) reply = event.data.message_id;
    yield event;
  }
}

function isLast({ type }: { type: string }): boolean {
  return type === 'end' || type === 'error';
}

/** Gives events over as many connections as it takes, each going on where the last one broke; until `ends` says so, or without end. */
async function* streamEvents<E extends { type: string }>(
  { after, ...options }: FollowOptions,
  ask: () => Asked,
  ends?: (event: { type: string }) => boolean,
): AsyncGenerator<Shown<E>> {
  const { signal, onRetry } = options;
  const shown = new Map<string, number>();
  let last = after;
  let toldLast = '';
  let failures = 0;
  for (let attempt = 1; ; attempt++) {
    let failure: unknown = new ConnectionError('The stream ended too early.');
    const connection = connect(options);
    try {
      const response = await request(options, ask(), last, connection);
      // All of the reply was shown.
      if (response.status === 204) return;
      options.onOpen?.();
      for await (const { id, data } of readEvents(response, connection)) {
        if (signal?.aborted) break;
        // Nothing new. Among these is the `error` that ends a stream but not its reply: it has the id of the event before.
        if (id === undefined ? data === toldLast : !isNew(shown, id)) continue;
        if (id === undefined) toldLast = data;
        else last = id;
        failures = 0;
        if (data === '') continue;
        const event = JSON.parse(data) as E;
        yield id === undefined ? event : { ...event, id };
        if (ends?.(event)) return;
      }
    } catch (error) {
      if (!signal?.aborted && !canBeRetried(error, attempt)) throw error;
      failure = error;
    } finally {
      connection.close();
    }
    if (signal?.aborted) throw signal.reason ?? failure;
    failures++;
    if (failures > (options.maxRetries ?? (ends && last === after ? MAX_RETRIES : Infinity))) throw failure;
    const waitMs = waitAfter(failure, failures);
    onRetry?.(failure, waitMs);
    await pause(waitMs, signal);
  }
}

function canBeRetried(error: unknown, attempt: number): boolean {
  if (!(error instanceof ProblemError)) return error instanceof ConnectionError;
  return error.status >= 500 || (error.status === 429 && error.retryAfterMs !== undefined && attempt > 1);
}

/** Half of it is random, so that a thousand readers of a restarted service do not come back at once. */
function waitAfter(failure: unknown, failures: number): number {
  const backOff = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_WAIT_MS) / 2;
  const wanted = failure instanceof ProblemError ? (failure.retryAfterMs ?? 0) : 0;
  return Math.max(backOff, Math.min(wanted, LONGEST_RETRY_AFTER_MS)) + Math.random() * backOff;
}

/** Whether an event was not shown yet. Those of a reply count up (`<message>:<sequence>`); other ids are just remembered. */
function isNew(shown: Map<string, number>, id: string): boolean {
  const [, reply = id, sequence = '1'] = /^([0-9a-f-]{36}):(\d+)$/.exec(id) ?? [];
  if (Number(sequence) <= (shown.get(reply) ?? 0)) return false;
  // The one that was used last is at the end.
  shown.delete(reply);
  shown.set(reply, Number(sequence));
  for (const oldest of shown.keys()) {
    if (shown.size <= REMEMBERED) break;
    shown.delete(oldest);
  }
  return true;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', leave);
      resolve();
    }, ms);
    signal?.addEventListener('abort', leave, { once: true });
  });
}

/** A key that names a turn. Pages that were not loaded over HTTPS, and React Native, have no `randomUUID`. */
export function randomKey(): string {
  const { crypto } = globalThis as { crypto?: { randomUUID?: () => string } };
  return (
    crypto?.randomUUID?.() ?? Array.from({ length: 3 }, () => Math.random().toString(36).slice(2)).join('-')
  );
}
