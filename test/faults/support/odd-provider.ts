import { gzipSync } from 'node:zlib';
import type { ModelServer } from '../../support/model-server';
import { type Exchange, ClientGone } from '../../support/model-server/exchange';
import type { Random } from './random';

/** What a provider told of one call. */
export interface Told {
  provider: string;
  did: string;
  text: string;
  thought: string;
  /** Of a reply that it counted. */
  usage?: { input: number; output: number };
  /** It has been asked, and says nothing. */
  isSilent: boolean;
}

type Way = (exchange: Exchange, call: Told) => Promise<void>;

const DELTA = (delta: object, finish_reason: string | null = null, more: object = {}) => ({
  choices: [{ index: 0, delta, finish_reason }],
  ...more,
});

/** Does at random what providers are known to do, and complains of what strict ones refuse. */
export class OddProvider {
  isHonest = false;
  /** Messages that a strict provider would have refused, and texts that another one has refused. */
  readonly complaints: string[] = [];
  private readonly seen = new Set<string>();

  constructor(
    private readonly name: string,
    private readonly random: Random,
    private readonly told: Map<string, Told[]>,
    server: ModelServer,
  ) {
    server.otherwise((exchange) => this.answer(exchange));
  }

  get unseen(): string[] {
    return Object.keys(WAYS).filter((name) => !this.seen.has(name));
  }

  private async answer(exchange: Exchange): Promise<void> {
    const { messages } = exchange.request.body;
    this.complain(messages);
    const { content } = messages[messages.length - 1];
    // Of joined messages the last one is to be answered.
    const mark =
      /#\d+-\d+#/.exec(content.slice(content.lastIndexOf('\n\n') + 1))?.[0] ??
      content.match(/#\d+-\d+#/g)?.at(-1);
    if (this.isHonest) return this.honest(exchange);
    const call: Told = { provider: this.name, did: '', text: '', thought: '', isSilent: false };
    const calls = this.told.get(mark ?? '') ?? [];
    this.told.set(mark ?? '', [...calls, call]);
    const asked = content.slice(content.lastIndexOf(mark ?? ''));
    if (/FORBIDDEN/.test(asked)) {
      call.did = 'refuses by a filter';
      return refuse(exchange, this.random.pick(FILTERS));
    }
    if (/SILENCE/.test(asked)) {
      call.did = 'says nothing';
      call.isSilent = true;
      exchange.head();
      return exchange.hang();
    }
    const name = this.random.pick(Object.keys(WAYS));
    this.seen.add(name);
    call.did = name;
    await WAYS[name](exchange, call);
  }

  private complain(messages: { role: string; content: string }[]): void {
    const roles = messages.map(({ role }) => role);
    const said = roles[0] === 'system' ? roles.slice(1) : roles;
    const isAlternating = said.every((role, index) => role === (index % 2 ? 'assistant' : 'user'));
    if (!isAlternating || said.at(-1) !== 'user')
      this.complaints.push(`${this.name} is sent ${roles.join(', ')}`);
    if (messages.some(({ content }) => !content.trim()))
      this.complaints.push(`${this.name} is sent a blank message`);
    const texts = messages.map(({ content }) => content).join('\n');
    for (const mark of texts.match(/#\d+-\d+#(?= FORBIDDEN)/g) ?? []) {
      const refusedBy = this.told.get(mark)?.find(({ did }) => did === 'refuses by a filter')?.provider;
      if (refusedBy) this.complaints.push(`${this.name} is sent ${mark}, which ${refusedBy} has refused`);
    }
  }

  private async honest(exchange: Exchange): Promise<void> {
    await exchange.data(DELTA({ content: 'Yes, I am.' }));
    await exchange.data(DELTA({}, 'stop', { usage: { prompt_tokens: 5, completion_tokens: 4 } }));
    await exchange.data('[DONE]');
    exchange.end();
  }
}

let replies = 0;
const words = () => [`Reply ${++replies}: `, 'one ', 'two ', 'three.'];
const counts = () => ({ input: 10 + (replies % 90), output: 5 + (replies % 7) });

/** Sends words as a provider would, remembering what was sent. */
async function say(exchange: Exchange, call: Told, pieces = words(), more: object = {}): Promise<void> {
  for (const piece of pieces) {
    await exchange.data(DELTA({ content: piece }, null, more));
    call.text += piece;
  }
}

async function finish(exchange: Exchange, word: string | null = 'stop'): Promise<void> {
  if (word !== null) await exchange.data(DELTA({}, word));
  await exchange.data('[DONE]');
  exchange.end();
}

async function withUsage(exchange: Exchange, call: Told, usage: object): Promise<void> {
  await exchange.data({ choices: [], usage });
  call.usage ??= {
    input: Number((usage as never)['prompt_tokens']),
    output: Number((usage as never)['completion_tokens']),
  };
}

function refuse(exchange: Exchange, [status, body]: [number, unknown]): void {
  exchange.head(status, { 'content-type': 'application/json' });
  exchange.response.end(JSON.stringify(body));
}

const event = (payload: unknown) => `data: ${JSON.stringify(payload)}\n\n`;

/** Refusals by filters, as providers word them. */
const FILTERS: [number, unknown][] = [
  [400, { error: { code: 'content_filter', message: 'The response was filtered' } }],
  [400, { error: { message: 'Content Exists Risk', type: 'invalid_request_error' } }],
  [403, { error: { message: 'Your input was flagged', metadata: { reasons: ['violence'] }, code: 403 } }],
  [
    400,
    { error: { code: 'data_inspection_failed', message: 'Output data may contain inappropriate content.' } },
  ],
  [400, { error: { message: 'Request rejected: considered high risk', type: 'content_filter' } }],
  [400, [{ error: { code: 400, message: 'blocked', details: [{ blockReason: 'PROHIBITED_CONTENT' }] } }]],
];

/** What is known of providers, by kind. Each leaves in `call` what has to be in the stored reply. */
const WAYS: Record<string, Way> = {
  'an ordinary reply': async (exchange, call) => {
    await say(exchange, call);
    const { input, output } = counts();
    await exchange.data(DELTA({}, 'stop'));
    await withUsage(exchange, call, { prompt_tokens: input, completion_tokens: output });
    await finish(exchange, null);
  },
  'stop with every chunk': async (exchange, call) => {
    for (const piece of words()) {
      await exchange.data(DELTA({ content: piece }, 'stop'));
      call.text += piece;
    }
    await finish(exchange, null);
  },
  'the word null, and usage late': async (exchange, call) => {
    for (const piece of words()) {
      await exchange.data(DELTA({ content: piece }, 'null'));
      call.text += piece;
    }
    await exchange.data(DELTA({}, 'stop'));
    await exchange.sleep(200);
    const { input, output } = counts();
    await withUsage(exchange, call, { prompt_tokens: input, completion_tokens: output });
    await finish(exchange, null);
  },
  '[DONE] without a word': async (exchange, call) => {
    await say(exchange, call);
    await finish(exchange, null);
  },
  'the end of the body without a word': async (exchange, call) => {
    await say(exchange, call);
    await exchange.sleep(20);
    exchange.end();
  },
  'a thought in details': async (exchange, call) => {
    await exchange.data(DELTA({ reasoning_details: [{ type: 'reasoning.text', text: 'Hm.' }] }));
    call.thought = 'Hm.';
    await say(exchange, call);
    await finish(exchange);
  },
  'a thought in tags': async (exchange, call) => {
    await exchange.data(DELTA({ content: '<think>Hm.</think>' }));
    call.thought = 'Hm.';
    await say(exchange, call);
    await finish(exchange);
  },
  'only a thought': async (exchange, call) => {
    await exchange.data(DELTA({ reasoning_content: 'Hm.' }));
    call.thought = 'Hm.';
    await finish(exchange);
  },
  'a call of a tool': async (exchange) => {
    await exchange.data(
      DELTA({ tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '{}' } }] }),
    );
    await finish(exchange, 'tool_calls');
  },
  'blanks only': async (exchange, call) => {
    await say(exchange, call, [' ', '\n']);
    await finish(exchange);
  },
  'another type': async (exchange, call) => {
    exchange.head(200, { 'content-type': 'application/json' });
    await say(exchange, call);
    await finish(exchange);
  },
  'one JSON under the type of events': async (exchange, call) => {
    const text = words().join('');
    const { input, output } = counts();
    const usage = { prompt_tokens: `${input}`, completion_tokens: `${output}` };
    await exchange.write(
      JSON.stringify({ choices: [{ message: { content: text }, finish_reason: 'stop' }], usage }),
    );
    call.text = text;
    call.usage = { input, output };
    exchange.end();
  },
  'a compressed body': async (exchange, call) => {
    exchange.head(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
    const pieces = words();
    const body = `${pieces.map((content) => event(DELTA({ content }))).join('')}${event(DELTA({}, 'stop'))}data: [DONE]\n\n`;
    await exchange.write(gzipSync(body));
    call.text = pieces.join('');
    exchange.end();
  },
  'single line breaks': async (exchange, call) => {
    const pieces = words();
    for (const content of pieces) await exchange.write(`data: ${JSON.stringify(DELTA({ content }))}\n`);
    call.text = pieces.join('');
    await exchange.write(`data: ${JSON.stringify(DELTA({}, 'stop'))}\ndata: [DONE]\n`);
    exchange.end();
  },
  'a limit in capitals': async (exchange, call) => {
    await say(exchange, call);
    await finish(exchange, 'MAX_TOKENS');
  },
  'a failure as the last word': async (exchange, call) => {
    await say(exchange, call);
    await finish(exchange, 'network_error');
  },
  'an error in the stream': async (exchange, call) => {
    await say(exchange, call, words().slice(0, 2));
    await exchange.data({ error: { message: 'Engine failed', code: 500 } });
    exchange.end();
  },
  'an error inside a choice': async (exchange, call) => {
    await say(exchange, call, words().slice(0, 2));
    await exchange.data({
      choices: [{ index: 0, delta: {}, finish_reason: 'error', error: { message: 'Provider failed' } }],
    });
    await exchange.data('[DONE]');
    exchange.end();
  },
  'zeros at the end': async (exchange, call) => {
    const { input, output } = counts();
    await say(exchange, call, words(), { usage: { prompt_tokens: input, completion_tokens: output } });
    call.usage = { input, output };
    await exchange.data(DELTA({}, 'stop', { usage: { prompt_tokens: 0, completion_tokens: 0 } }));
    await finish(exchange, null);
  },
  'zeros alone': async (exchange, call) => {
    await say(exchange, call);
    await exchange.data(
      DELTA({}, 'stop', { usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } }),
    );
    await finish(exchange, null);
  },
  'counts of a reply that fails': async (exchange, call) => {
    const { input, output } = counts();
    await say(exchange, call, words(), { usage: { prompt_tokens: input, completion_tokens: output } });
    call.usage = { input, output };
    await exchange.data({ error: { message: 'Overloaded', type: 'overloaded_error' } });
    exchange.end();
  },
  'too long a context': async (exchange, call) => {
    if (exchange.request.body.messages.length <= 2) return WAYS['an ordinary reply'](exchange, call);
    refuse(exchange, [400, { error: { message: 'Input is too long for requested model.' } }]);
  },
  'a parameter refused': async (exchange, call) => {
    if (!('temperature' in exchange.request.body)) return WAYS['an ordinary reply'](exchange, call);
    refuse(exchange, [
      400,
      { error: { message: "Unsupported parameter: 'temperature'", param: 'temperature' } },
    ]);
  },
  'loading the model': async (exchange) =>
    refuse(exchange, [503, { error: { message: 'Loading model', code: 503 } }]),
  'a limit that names a wait': async (exchange) =>
    refuse(exchange, [429, { error: { message: 'Rate limit reached. Please try again in 120ms.' } }]),
  'an error of the server': async (exchange) => refuse(exchange, [500, { error: 'internal error' }]),
  'a page': async (exchange) => {
    exchange.head(502, { 'content-type': 'text/html' });
    exchange.response.end('<html><body>Bad gateway</body></html>');
  },
  'the end of the connection': async (exchange) => {
    exchange.reset();
    throw new ClientGone();
  },
};
