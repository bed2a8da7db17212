import type { Problem } from './types.gen.js';

/** Three heartbeats of the service (`SSE_HEARTBEAT_MS`). */
const IDLE_TIMEOUT_MS = 45_000;

type HeadersInput = ConstructorParameters<typeof Headers>[0];

export interface StreamOptions {
  /** Where the service is, with or without `/api/v1`: `https://chat.example.com`. Empty: the origin of the page. */
  baseUrl: string;
  /** Sent with each request. A function is asked before each of them, so that it can give a fresh token. */
  headers?: HeadersInput | (() => HeadersInput | Promise<HeadersInput>);
  /** Ends the reading, which throws its reason. The reply goes on: to end that, call `stopReply`. */
  signal?: AbortSignal;
  /** Instead of the global one: on React Native, where that has no streams, `fetch` of `expo/fetch`. */
  fetch?: typeof fetch;
  /** Attempts in a row that may fail before the failure is thrown. Default: 10 until a reply has shown its first event, no limit otherwise. */
  maxRetries?: number;
  /** Told of each failure that is waited out: for a page that says that it is offline. */
  onRetry?: (failure: unknown, waitMs: number) => void;
  /** Told of each connection that the service has accepted. */
  onOpen?: () => void;
  /** Silence after which a connection counts as lost; must be longer than the service's `SSE_HEARTBEAT_MS`. Default: 45,000. */
  idleTimeoutMs?: number;
}

/** The service refused. `code` is a stable word to switch on; `message` may be shown to people. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';

  constructor(
    readonly status: number,
    /** Undefined where something in between answered. */
    readonly problem: Problem | undefined,
    readonly retryAfterMs: number | undefined,
  ) {
    super(problem?.detail ?? `The service answered ${status}.`);
  }

  get code(): string | undefined {
    return this.problem?.code;
  }
}

/** The service could not be reached, or the connection to it broke. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';

  constructor(
    message: string,
    override readonly cause?: unknown,
  ) {
    super(message);
  }
}

/** A request; with a body it is a POST. */
export interface Asked {
  path: string;
  body?: string;
  key?: string;
}

/** One connection: it ends with the reader's signal, and after a silence. */
export interface Connection {
  signal: AbortSignal;
  /** Waits for something from the service. Not while the reader is busy with what came. */
  awaits: <T>(coming: Promise<T>) => Promise<T>;
  close: () => void;
}

export function connect({ signal, idleTimeoutMs = IDLE_TIMEOUT_MS }: StreamOptions): Connection {
  const controller = new AbortController();
  const leave = () => controller.abort(signal?.reason);
  if (signal?.aborted) leave();
  signal?.addEventListener('abort', leave);
  return {
    signal: controller.signal,
    awaits: async (coming) => {
      const timer = setTimeout(() => controller.abort(new Error('Nothing came in time.')), idleTimeoutMs);
      try {
        return await coming;
      } catch (error) {
        throw new ConnectionError('The connection to the service broke.', error);
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => {
      signal?.removeEventListener('abort', leave);
      controller.abort();
    },
  };
}

/** The answer to a request for events: 200 with a stream, or 204. @throws {ProblemError | ConnectionError} */
export async function request(
  options: StreamOptions,
  { path, body, key }: Asked,
  after: string | undefined,
  { signal, awaits }: Connection,
): Promise<Response> {
  const headers = new Headers(await givenHeaders(options));
  headers.set('Accept', 'text/event-stream');
  if (after !== undefined) headers.set('Last-Event-ID', after);
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  if (key !== undefined) headers.set('Idempotency-Key', key);
  const url = `${options.baseUrl.replace(/\/*(\/api\/v1\/*)?$/, '')}/api/v1/${path}`;
  const { fetch: send = fetch } = options;
  // Without a store: Chromium lets a second tab wait for the end of the first one's stream of the same URL, to share it.
  const init = { method: body === undefined ? 'GET' : 'POST', headers, signal, cache: 'no-store' as const };
  const response = await awaits(send(url, body === undefined ? init : { ...init, body }));
  if (response.status === 204) return response;
  if (!response.ok) throw await problemOf(response, awaits);
  const type = response.headers.get('Content-Type') ?? 'nothing';
  if (!type.startsWith('text/event-stream')) throw new Error(`${url} answered ${type}, no event stream.`);
  return response;
}

/** A function that cannot reach who gives tokens throws a TypeError, as `fetch` does: that is tried again. */
async function givenHeaders({ headers }: StreamOptions): Promise<HeadersInput> {
  if (typeof headers !== 'function') return headers;
  try {
    return await headers();
  } catch (error) {
    throw error instanceof TypeError ? new ConnectionError('There are no headers yet.', error) : error;
  }
}

async function problemOf(response: Response, awaits: Connection['awaits']): Promise<ProblemError> {
  const { status, headers } = response;
  const isProblem = headers.get('Content-Type')?.startsWith('application/problem+json') ?? false;
  const problem = isProblem
    ? await awaits(response.json() as Promise<Problem>).catch(() => undefined)
    : undefined;
  return new ProblemError(status, problem, millisecondsOf(headers.get('Retry-After')));
}

/** Seconds or a date. */
function millisecondsOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}

/** The blocks of a stream; one with nothing but an id has the data ''. A block that has not ended with the stream is left out. */
export async function* readEvents(
  response: Response,
  { awaits }: Connection,
): AsyncGenerator<{ id?: string; data: string }> {
  if (!response.body)
    throw new Error('This fetch gives no streams. On React Native, pass that of expo/fetch.');
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let line = '';
  let id: string | undefined;
  let data: string | undefined;
  try {
    for (;;) {
      const { done, value } = await awaits(reader.read());
      if (done) return;
      const lines = decoder.decode(value, { stream: true }).split('\n');
      lines[0] = line + lines[0];
      line = lines.pop() ?? '';
      for (const ended of lines) {
        const [, field, text = ''] = /^([^:]*):? ?(.*?)\r?$/s.exec(ended) ?? [];
        if (field === 'id') id = text;
        if (field === 'data') data = data === undefined ? text : `${data}\n${text}`;
        if (field !== '' || text !== '' || ended.startsWith(':')) continue;
        if (id !== undefined) yield { id, data: data ?? '' };
        else if (data !== undefined) yield { data };
        id = undefined;
        data = undefined;
      }
    }
  } finally {
    // For a `fetch` that does not know signals.
    reader.cancel().catch(() => undefined);
  }
}
