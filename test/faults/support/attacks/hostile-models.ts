import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

type Answering = (response: ServerResponse) => Promise<void>;

const KB64 = 65_536;
const delta = (fields: object, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta: fields, finish_reason }] })}\n\n`;
const TOKEN = delta({ content: 'x ' });
const END = `${delta({}, 'stop')}data: [DONE]\n\n`;
/** The same mapping twice as deep each time; `JSON.parse` takes it, recursion does not. */
const nested = (depth: number) => `${'{"error":['.repeat(depth)}1${']}'.repeat(depth)}`;

/** The models of a provider that means harm; the last few mean none. All rates are per stream. */
const MODELS: Record<string, Answering> = {
  // H1: line ends of one kind among many of the other.
  'late-cr': forever(Buffer.concat([Buffer.alloc(KB64 - 1, '\n'), Buffer.from('\r')]), 200),
  'all-cr': forever(Buffer.alloc(KB64, '\r'), 200),
  'all-lf': forever(Buffer.alloc(KB64, '\n'), 200),
  'late-lf': forever(Buffer.concat([Buffer.alloc(KB64 - 1, '\r'), Buffer.from('\n')]), 200),
  'late-cr-with-tokens': forever(
    Buffer.concat([Buffer.alloc(KB64 - 1, '\n'), Buffer.from(`\r${TOKEN}`)]),
    200,
  ),
  // H2: lines that add up to nothing.
  'empty-data': forever(Buffer.from('data:\n'.repeat(11_000)), 150),
  'empty-data-spaced': forever(Buffer.from('data: \n'.repeat(9_000)), 150),
  'data-without-colon': forever(Buffer.from('data\n'.repeat(13_000)), 150),
  comments: forever(Buffer.from(':\n'.repeat(30_000)), 150),
  'other-fields': forever(Buffer.from('event: e\nid: 1\nretry: 1\nx\n'.repeat(2_500)), 150),
  'empty-events': forever(Buffer.from('data: {}\n\n'.repeat(6_000)), 150),
  // M5: one token, and then something that does not end.
  'long-line': forever('Ā'.repeat(KB64 / 2), 200, `${TOKEN}data: `),
  'long-comment': forever('Ā'.repeat(KB64 / 2), 200, `${TOKEN}: `),
  'long-event': forever(`data: ${'x'.repeat(1_000)}\n`.repeat(64), 200, TOKEN),
  'long-string': forever('Ā'.repeat(KB64 / 2), 200, `${TOKEN}data: {"choices":[{"delta":{"content":"`),
  'long-answer': forever('x'.repeat(KB64), 200, '{"choices":[{"message":{"content":"', [
    200,
    'application/json',
  ]),
  'long-refusal': forever('x'.repeat(KB64), 200, '{"error":{"message":"', [500, 'application/json']),
  // H3: as many parts as events.
  confetti: confetti(500_000),
  'less-confetti': confetti(20_000),
  // L4, L5
  'nested-refusal': whole(400, nested(100_000)),
  'nested-answer': whole(200, nested(100_000)),
  'nested-event': stream(`data: ${nested(100_000)}\n\n`),
  'nested-detail': whole(500, `{"detail":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
  'huge-usage': stream(usage(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)),
  'large-usage': stream(usage(1e12, 1e12)),
  // What others do.
  silent: async (response) => {
    open(response);
    await once(response, 'close');
  },
  talkative: forever(TOKEN, 50),
  brief: stream(END),
  'long-honest-line': stream(delta({ content: longText(400_000) }) + END),
};

/** Text whose every part can be told from the others. */
export function longText(length: number): string {
  let text = '';
  for (let index = 0; text.length < length; index++) text += `${index} Straße, `;
  return text.slice(0, length);
}

/** An OpenAI-compatible provider; its models differ in what they do to whoever asks. */
export class HostileModels {
  readonly names = Object.keys(MODELS);
  /** Keys that were sent along. */
  readonly keysSeen = new Set<string>();
  private readonly server = createServer((request, response) => void this.answer(request, response));

  static async start(): Promise<HostileModels> {
    const models = new HostileModels();
    models.server.listen(0, '127.0.0.1');
    await once(models.server, 'listening');
    return models;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    this.keysSeen.add(request.headers.authorization ?? '');
    const body = await readText(request).catch(() => '');
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ object: 'list', data: this.names.map((id) => ({ id, object: 'model' })) }),
      );
      return;
    }
    const { model } = JSON.parse(body) as { model: string };
    await MODELS[model](response);
  }
}

function open(response: ServerResponse, status = 200, type = 'text/event-stream'): void {
  response.writeHead(status, { 'content-type': type });
  response.flushHeaders();
}

/** Waits until it is taken; false if nobody is there any more. */
async function write(response: ServerResponse, bytes: string | Buffer): Promise<boolean> {
  if (response.destroyed) return false;
  if (!response.write(bytes)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  return !response.destroyed;
}

/** The same bytes again and again, until whoever asked leaves. */
function forever(
  bytes: string | Buffer,
  everyMs: number,
  first: string | Buffer = '',
  [status, type]: [number, string] = [200, 'text/event-stream'],
): Answering {
  return async (response) => {
    open(response, status, type);
    if (first) await write(response, first);
    while (await write(response, bytes)) await sleep(everyMs);
  };
}

/** Small events whose kind changes each time, so that none joins its neighbour; each is three milliseconds of one user's time. */
function confetti(events: number): Answering {
  const some = (delta({ reasoning_content: 'x' }) + delta({ content: 'x' })).repeat(300);
  return async (response) => {
    open(response);
    for (let sent = 0; sent < events && (await write(response, some)); sent += 600) await sleep(10);
    response.end(END);
  };
}

function stream(text: string): Answering {
  return async (response) => {
    open(response);
    response.end(TOKEN + text);
  };
}

function whole(status: number, text: string): Answering {
  return async (response) => {
    open(response, status, 'application/json');
    response.end(text);
  };
}

function usage(prompt_tokens: number, completion_tokens: number): string {
  const counted = {
    id: 'c',
    object: 'chat.completion.chunk',
    choices: [],
    usage: { prompt_tokens, completion_tokens },
  };
  return `${delta({}, 'stop')}data: ${JSON.stringify(counted)}\n\ndata: [DONE]\n\n`;
}
