import { Agent, fetch as undiciFetch, type RequestInit as UndiciRequestInit } from 'undici';
import { readAtMost } from './read-at-most';

type Fetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** What an error's body may cost us, whatever a provider sends. */
export const MAX_ERROR_BYTES = 1024 * 1024;

/** All that a provider needs to see. The SDK adds telemetry, and headers that it takes from the environment. */
const SENT_HEADERS = ['accept', 'authorization', 'content-type'];

/**
 * The connections to model providers. Time limits after connecting are the caller's, by its signal: Node's own would end
 * a stream that pauses for 300 s. Proxy variables of the environment are not read.
 */
export function createAgent(connect: Agent.Options['connect']): Agent {
  return new Agent({
    connect,
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  });
}

/** A `fetch` for the SDK that follows no redirect (the key would go along) and bounds the body of an error. */
export function providerFetch(agent: Agent, extraHeaders: string[]): Fetch {
  const sent = [...SENT_HEADERS, ...extraHeaders];
  return async (url, init) => {
    const options = {
      ...init,
      headers: { ...pick(new Headers(init?.headers), sent), 'user-agent': 'parley' },
      dispatcher: agent,
      redirect: 'manual',
    } as UndiciRequestInit;
    const response = (await undiciFetch(url as string, options)) as unknown as Response;
    return response.ok ? response : bounded(response);
  };
}

function pick(headers: Headers, names: string[]): Record<string, string> {
  const entries = names.map((name) => [name.toLowerCase(), headers.get(name)] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== null));
}

async function bounded({ body, status, headers }: Response): Promise<Response> {
  const text = await readAtMost(body, MAX_ERROR_BYTES);
  const empty = status === 304 || status < 200;
  return new Response(empty ? null : text, {
    status: Math.max(status, 200),
    headers: new Headers([...headers]),
  });
}
