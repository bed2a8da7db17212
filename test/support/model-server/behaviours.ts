import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Behaviour, Exchange } from './exchange';
import { Gate } from './gate';

/*
 * What a model server can do with a request. Everything is a Behaviour, so the small ones can be put together:
 *
 *     stream(text('Hel'), pause(50), text('lo'), comment('keep-alive'), finish('stop'), usage(9, 2), done())
 */

export interface ReplyOptions {
  /** Before each token. */
  delayMs?: number;
  /** Sent before the text, as `reasoning_content`. */
  reasoning?: string | string[];
  /** Default 9 and the number of tokens; false sends none. Sent only if the request asks for it, as real providers do. */
  usage?: { input: number; output: number } | false;
  /** null sends no finish reason. */
  finish?: string | null;
  /** Whether `[DONE]` is sent. */
  done?: boolean;
}

/** A reply like a real provider's: text is sent word by word, a list token by token, and a Gate in the list is waited for. */
export function reply(content: string | (string | Gate)[], options: ReplyOptions = {}): Behaviour {
  const { delayMs = 0, finish: reason = 'stop', done: sendDone = true } = options;
  const tokens = typeof content === 'string' ? words(content) : content;
  const thoughts =
    typeof options.reasoning === 'string' ? words(options.reasoning) : (options.reasoning ?? []);
  return async (exchange) => {
    if (exchange.request.body.stream === false) return whole(tokens, exchange);
    exchange.head();
    await exchange.chunk({ role: 'assistant', content: '' });
    for (const thought of thoughts) await token({ reasoning_content: thought }, delayMs, exchange);
    for (const part of tokens) {
      if (part instanceof Gate) await Promise.race([part.pass(), exchange.request.closed]);
      else await token({ content: part }, delayMs, exchange);
    }
    if (reason !== null) await exchange.chunk({}, reason);
    await sendUsage(exchange, options.usage ?? { input: 9, output: tokens.length });
    if (sendDone) await exchange.data('[DONE]');
    exchange.end();
  };
}

/** A reply that repeats the last message. */
export function echo(options: ReplyOptions = {}): Behaviour {
  return (exchange) => reply(exchange.request.body.messages?.at(-1)?.content ?? '', options)(exchange);
}

/** Opens an event stream, does all this, and ends it. */
export function stream(...steps: Behaviour[]): Behaviour {
  return async (exchange) => {
    exchange.head();
    for (const step of steps) await step(exchange);
    exchange.end();
  };
}

export function text(content: string): Behaviour {
  return (exchange) => exchange.chunk({ content });
}

export function reasoning(content: string): Behaviour {
  return (exchange) => exchange.chunk({ reasoning_content: content });
}

export function finish(reason = 'stop'): Behaviour {
  return (exchange) => exchange.chunk({}, reason);
}

export function usage(input: number, output: number): Behaviour {
  return (exchange) => exchange.envelope({ choices: [], usage: wireUsage(input, output) });
}

export function done(): Behaviour {
  return (exchange) => exchange.data('[DONE]');
}

/** Any JSON, or text that is none, as one event. */
export function data(payload: unknown): Behaviour {
  return (exchange) => exchange.data(payload);
}

/** Any bytes. */
export function raw(bytes: string | Uint8Array): Behaviour {
  return (exchange) => exchange.write(bytes);
}

export function comment(line: string): Behaviour {
  return (exchange) => exchange.write(`: ${line}\n\n`);
}

export function pause(ms: number): Behaviour {
  return (exchange) => exchange.sleep(ms);
}

/** Sends nothing more and keeps the connection open until the client gives up. */
export function hang(): Behaviour {
  return (exchange) => exchange.hang();
}

/** Waits at the gate. */
export function at(gate: Gate): Behaviour {
  return (exchange) => Promise.race([gate.pass(), exchange.request.closed.then(() => undefined)]);
}

/** RST. */
export function reset(): Behaviour {
  return (exchange) => exchange.reset();
}

/** Accepts the request and never answers, not even with a status. */
export function silence(): Behaviour {
  return hang();
}

/** A stream of nothing but comments, for ever. */
export function commentsOnly(everyMs = 20): Behaviour {
  return async (exchange) => {
    for (;;) {
      await exchange.write(': keep-alive\n\n');
      await exchange.sleep(everyMs);
    }
  };
}

/** Any other answer. A body that is an object is sent as JSON. */
export function status(code: number, body: unknown = '', headers: Record<string, string> = {}): Behaviour {
  const isText = typeof body === 'string';
  const type = isText ? 'text/plain' : 'application/json';
  return (exchange) => {
    exchange.response.writeHead(code, { 'content-type': type, ...headers });
    exchange.response.end(isText ? body : JSON.stringify(body));
  };
}

/** A refusal with OpenAI's error body. */
export function failure(
  code: number,
  error: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Behaviour {
  return status(
    code,
    { error: { message: 'The model server was told to fail.', type: 'test', ...error } },
    headers,
  );
}

export function html(body = '<html><body>Welcome</body></html>'): Behaviour {
  return status(200, body, { 'content-type': 'text/html' });
}

export function redirect(location: string, code = 302): Behaviour {
  return status(code, '', { location });
}

/** Plays a file of `test/fixtures/providers`. */
export function fixture(name: string): Behaviour {
  return stream(raw(readFileSync(fixturePath(name))));
}

export function fixturePath(name: string): string {
  return join(__dirname, '..', '..', 'fixtures', 'providers', name);
}

/** Sends the same, but so many bytes at a time. */
export function trickle(behaviour: Behaviour, bytes = 1): Behaviour {
  return (exchange) => {
    exchange.pieceBytes = bytes;
    return behaviour(exchange);
  };
}

/** Sends the same, but only so many bytes of body; then ends cleanly, with a FIN in the middle, or with an RST. */
export function cutAfter(
  bytes: number,
  behaviour: Behaviour,
  how: 'end' | 'drop' | 'reset' = 'reset',
): Behaviour {
  return (exchange) => {
    exchange.bytesLeft = bytes;
    exchange.cut = () => exchange[how]();
    return behaviour(exchange);
  };
}

/** Sends the same, but with other line ends. */
export function lineEnds(end: '\r\n' | '\r', behaviour: Behaviour): Behaviour {
  return (exchange) => {
    exchange.rewrite = (written) => written.replaceAll('\n', end);
    return behaviour(exchange);
  };
}

function words(content: string): string[] {
  return content.match(/\s*\S+|\s+$/g) ?? [];
}

async function token(delta: Record<string, unknown>, delayMs: number, exchange: Exchange): Promise<void> {
  if (delayMs) await exchange.sleep(delayMs);
  await exchange.chunk(delta);
}

async function sendUsage(exchange: Exchange, counts: ReplyOptions['usage']): Promise<void> {
  const options = exchange.request.body.stream_options as { include_usage?: boolean } | undefined;
  if (counts && options?.include_usage) await usage(counts.input, counts.output)(exchange);
}

function wireUsage(input: number, output: number) {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
}

function whole(tokens: (string | Gate)[], exchange: Exchange): void | Promise<void> {
  const content = tokens.filter((part) => typeof part === 'string').join('');
  const message = { role: 'assistant', content };
  return status(200, {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    model: exchange.request.body.model,
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage: wireUsage(9, tokens.length),
  })(exchange);
}
