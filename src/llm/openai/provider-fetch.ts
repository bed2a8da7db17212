import { Agent } from 'undici';
import { PROVIDER_BOUNDS } from '../../config/bounds';
import { HeldBytes } from './held-bytes';
import { hasTooManyValues, parseJson } from './provider-json';
import { readAtMost } from './read-at-most';
import type { ResponseBody } from './response-body';
import { beyond } from './stream-budget';
import { ResponseHandler, type ResponseHead } from './response-handler';

type Fetch = (url: string | URL | Request, init?: ProviderInit) => Promise<Response>;

export interface ProviderInit extends RequestInit {
  traceparent?: string;
  /** Hears of every answer before its body is read. */
  onHead?: (head: Pick<Response, 'status' | 'headers'>) => void;
}

/** What the SDK is handed for a response that is still coming; `body` is no web stream, and only ours to read. */
export type ProviderResponse = Omit<Response, 'body'> & { body: ResponseBody };

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

/**
 * A `fetch` for the SDK that follows no redirect (the key would go along) and bounds the body of an error. A success is handed
 * on as it comes (`ProviderResponse`): the web streams of a real `fetch` would take more time than all else that is done with a token.
 */
export function providerFetch(agent: Agent, extraHeaders: string[], held = new HeldBytes()): Fetch {
  const sent = [...SENT_HEADERS, ...extraHeaders];
  return async (url, init) => {
    const given = init?.headers instanceof Headers ? init.headers : new Headers(init?.headers);
    const headers = {
      ...pick(given, sent),
      ...(init?.traceparent !== undefined && { traceparent: init.traceparent }),
      'accept-encoding': 'identity',
      'user-agent': 'parley',
    };
    const response = await dispatch(agent, new URL(url instanceof Request ? url.url : url), {
      ...init,
      headers,
    });
    init?.onHead?.(response);
    return response.ok ? (response as unknown as Response) : bounded(response, held);
  };
}

function pick(headers: Headers, names: string[]): Record<string, string> {
  const entries = names.map((name) => [name.toLowerCase(), headers.get(name)] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== null));
}

/** Settles with the response's head. */
async function dispatch(
  agent: Agent,
  url: URL,
  { method = 'GET', body, signal, headers }: RequestInit & { headers: Record<string, string> },
): Promise<ProviderResponse> {
  signal?.throwIfAborted();
  const handler = new ResponseHandler(signal);
  const head = handler.head();
  const path = `${url.pathname}${url.search}`;
  const options = { origin: url.origin, path, method, headers };
  agent.dispatch({ ...options, body: bytesOf(body as string | undefined) }, handler);
  return responseOf(await head, url);
}

/** Kept for as long as the response lasts, so it must not keep one of Node's shared slabs of 64 kB with it. */
function bytesOf(text?: string): Buffer | null {
  if (text === undefined) return null;
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

function responseOf({ status, fields, body }: ResponseHead, url: URL): ProviderResponse {
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  const ok = status < 300;
  return { status, ok, headers, body, url: url.href, statusText: '' } as ProviderResponse;
}

/** @throws {LlmError} for what would take long to parse, which the SDK does */
async function bounded({ body, status, headers }: ProviderResponse, held: HeldBytes): Promise<Response> {
  const text = await readAtMost(body, PROVIDER_BOUNDS.errorBytes.limit, held);
  if (hasTooManyValues(text)) throw beyond('too_many_values');
  return new Response(status === 304 ? null : asError(text), { status, headers });
}

/** The SDK keeps of a JSON body what is under `error`, and nothing of one without it. Some servers frame the body as an event. */
function asError(text: string): string {
  const json = /^\s*(?:event:[^\n]*\n)?data:([^\n]*)/.exec(text)?.[1] ?? text;
  return parseJson(json) === undefined ? text : `{"error":${json}}`;
}
