import { Agent } from 'undici';
import { PROVIDER_BOUNDS } from '../../config/bounds';
import { OPENAI_BASE_URL } from '../../config/model-defaults';
import type { ProviderConfig } from '../../config/models-config';
import type { HeldBytes } from './held-bytes';
import { hasTooManyValues } from './provider-json';
import { ProviderRefusal } from './provider-refusal';
import { readAtMost } from './read-at-most';
import type { ResponseBody } from './response-body';
import { ResponseHandler, type ResponseHead } from './response-handler';
import { beyond } from './stream-budget';

/** A successful answer, whose body is still coming. */
export interface ProviderResponse {
  status: number;
  headers: Headers;
  body: ResponseBody;
}

export interface ProviderRequest {
  /** Below the provider's base URL, from `/` on. */
  path: string;
  /** JSON; absent: a GET. */
  body?: string;
  /** Ends the request, and after it the body. */
  signal?: AbortSignal;
  traceparent?: string;
  /** Hears of every answer before its body is read. */
  onHead?: (head: Pick<ProviderResponse, 'status' | 'headers'>) => void;
}

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

/** Requests to one provider: with its key and headers and no others, and without following redirects, with which the key would go along. */
export class ProviderConnection {
  private readonly origin: string;
  private readonly path: string;
  private readonly query: string;
  private readonly headers: Readonly<Record<string, string>>;

  constructor(
    { baseUrl, query, apiKey, headers }: Pick<ProviderConfig, 'baseUrl' | 'query' | 'apiKey' | 'headers'>,
    private readonly agent: Agent,
    private readonly held: HeldBytes,
  ) {
    const url = new URL(baseUrl ?? OPENAI_BASE_URL);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, value);
    this.origin = url.origin;
    this.path = url.pathname.replace(/\/$/, '');
    this.query = url.search;
    const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    this.headers = {
      accept: 'application/json',
      ...(apiKey && { authorization: `Bearer ${apiKey}` }),
      ...Object.fromEntries(own),
      'accept-encoding': 'identity',
      'user-agent': 'parley',
    };
  }

  /**
   * Settles with the head of a success.
   * @throws {ProviderRefusal} for any other answer, {LlmError} for one beyond the bounds, and what the network fails with
   */
  async send({ path, body, signal, traceparent, onHead }: ProviderRequest): Promise<ProviderResponse> {
    signal?.throwIfAborted();
    const handler = new ResponseHandler(signal);
    const head = handler.head();
    const options = {
      origin: this.origin,
      path: `${this.path}${path}${this.query}`,
      method: body === undefined ? ('GET' as const) : ('POST' as const),
      headers: {
        ...this.headers,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(traceparent !== undefined && { traceparent }),
      },
      body: bytesOf(body),
    };
    this.agent.dispatch(options, handler);
    const response = responseOf(await head);
    onHead?.(response);
    if (response.status < 300) return response;
    throw await this.refusal(response);
  }

  /** @throws {LlmError} for what would take long to parse */
  private async refusal({ body, status, headers }: ProviderResponse): Promise<ProviderRefusal> {
    const text = await readAtMost(body, PROVIDER_BOUNDS.errorBytes.limit, this.held);
    if (hasTooManyValues(text)) throw beyond('too_many_values');
    return new ProviderRefusal(status, headers, text);
  }
}

/** Kept for as long as the response lasts, so it must not keep one of Node's shared slabs of 64 kB with it. */
function bytesOf(text?: string): Buffer | null {
  if (text === undefined) return null;
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

function responseOf({ status, fields, body }: ResponseHead): ProviderResponse {
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  return { status, headers, body };
}
