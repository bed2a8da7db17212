import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

export interface Call {
  method: string;
  path: string;
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a text is sent as it is. */
  body?: unknown;
  /** An event stream that stays open is left after this time without an event. */
  quietMs?: number;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The parsed text; undefined if it is not JSON. */
  body: unknown;
  ms: number;
}

const QUIET_MS = 100;
const agent = new Agent({ keepAlive: true, maxSockets: 20 });

/** Sends a request that may be as odd as one likes, and reads the answer; of an endless stream what comes at once. */
export function call(
  url: string,
  { method, path, query, headers, body, quietMs = QUIET_MS }: Call,
): Promise<Answer> {
  const started = performance.now();
  const content = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${url}${path}${search(query)}`, {
      method,
      agent,
      headers: {
        ...(content !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(content),
        }),
        ...headers,
      },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const answer = async (): Promise<Answer> => {
        const text = await readText(response, quietMs);
        const ms = performance.now() - started;
        return { status: response.statusCode ?? 0, headers: response.headers, text, body: parse(text), ms };
      };
      resolve(answer());
    });
    request.end(content);
  });
}

/** The objects of the `data:` lines of an event stream. */
export function eventsOf({ text }: Pick<Answer, 'text'>): unknown[] {
  return [...text.matchAll(/^data: (.*)\n/gm)].map(([, json]) => JSON.parse(json) as unknown);
}

function search(query: Call['query'] = {}): string {
  const parts = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return parts.length ? `?${parts.join('&')}` : '';
}

function readText(response: IncomingMessage, quietMs: number): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const isStream = response.headers['content-type']?.startsWith('text/event-stream');
    const timer = isStream ? setTimeout(() => response.destroy(), quietMs) : undefined;
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      timer?.refresh();
    });
    response.on('error', () => undefined);
    response.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString());
    });
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
