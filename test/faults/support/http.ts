import { request as httpRequest, type IncomingMessage } from 'node:http';

export interface Call {
  method?: string;
  path: string;
  user: string;
  headers?: Record<string, string>;
  body?: unknown;
}

/** An answer that came whole. */
export interface HttpAnswer {
  status: number;
  text: string;
}

/** Nothing may take longer to begin to answer, whatever is broken. */
export const HEAD_LIMIT_MS = 20_000;

/** The service kept its client waiting; no connection was refused or lost. */
export class Hung extends Error {}

/** One request on a connection of its own. Throws what the network says, or `Hung`. */
export function open(
  origin: string,
  { method = 'GET', path, user, headers, body }: Call,
): Promise<IncomingMessage> {
  const content = body === undefined ? undefined : JSON.stringify(body);
  const type = content === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${origin}/api/v1${path}`, {
      method,
      agent: false,
      headers: { 'x-user-id': user, ...type, ...headers },
    });
    const limit = setTimeout(
      () => request.destroy(new Hung(`${method} ${path} is not answered`)),
      HEAD_LIMIT_MS,
    );
    request.on('error', (error) => {
      clearTimeout(limit);
      reject(error);
    });
    request.on('response', (response) => {
      clearTimeout(limit);
      resolve(response);
    });
    request.end(content);
  });
}

/** The answer as a whole; throws if its connection is lost. */
export async function send(origin: string, call: Call): Promise<HttpAnswer> {
  const response = await open(origin, call);
  return { status: response.statusCode ?? 0, text: await bodyOf(response) };
}

export async function bodyOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const piece of response) text += String(piece);
  if (!response.complete) throw new Error('The answer was cut off.');
  return text;
}

export async function getJson<Body>(origin: string, user: string, path: string): Promise<Body> {
  const { status, text } = await send(origin, { path, user });
  if (status !== 200) throw new Error(`${status} for ${path}: ${text}`);
  return JSON.parse(text) as Body;
}
