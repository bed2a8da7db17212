import { setTimeout as delay } from 'node:timers/promises';
import { DemoClient } from '../../src/llm/demo/demo-client';
import type { LlmClient, ModelRequest } from '../../src/llm/llm-client';
import { OpenAiClient } from '../../src/llm/openai/openai-client';
import { call, testLimits, testProvider, testRequest } from '../support/model-calls';
import { reply } from '../support/model-server/behaviours';
import { useModelServer } from '../support/use-model-server';

/*
 * What every LlmClient keeps, whatever is behind it.
 */

const server = useModelServer();
let openai: OpenAiClient;

beforeAll(() => {
  openai = new OpenAiClient(testLimits());
});

beforeEach(() => void server.otherwise(reply('Some words, one after the other.', { delayMs: 2 })));

afterEach(() => server.reset());

afterAll(() => openai.close());

const IMPLEMENTATIONS: [string, () => { client: LlmClient; request: ModelRequest }][] = [
  ['OpenAiClient', () => ({ client: openai, request: testRequest(testProvider(server.url)) })],
  [
    'DemoClient',
    () => ({ client: new DemoClient(2), request: testRequest(testProvider('', { kind: 'demo' })) }),
  ],
];

function raise(message: string): never {
  throw new Error(message);
}

describe.each(IMPLEMENTATIONS)('%s', (_, make) => {
  it('hands on batches of parts, and resolves to how the model ended', async () => {
    const { client, request } = make();
    const { batches, finish, error } = await call(client, request);
    expect(error).toBeUndefined();
    expect(batches.flat().length).toBeGreaterThan(3);
    expect(finish).toMatchObject({ reason: 'stop', word: 'stop', toolCalls: [] });
  });

  it('hands on text that is safe to store and never empty', async () => {
    const { client, request } = make();
    const { batches } = await call(client, request);
    const texts = batches.flat().map(({ text }) => text);
    expect(texts.every((text) => text && text.isWellFormed() && !text.includes('\0'))).toBe(true);
  });

  it('counts tokens', async () => {
    const { client, request } = make();
    const { finish } = await call(client, request);
    expect(finish).toMatchObject({
      reason: 'stop',
      usage: {
        input_tokens: expect.any(Number),
        output_tokens: expect.any(Number),
        estimated: expect.any(Boolean),
      },
    });
  });

  it('throws the reason if it is aborted before it begins', async () => {
    const { client, request } = make();
    expect(await call(client, request, AbortSignal.abort('reason'))).toMatchObject({
      error: 'reason',
      batches: [],
    });
  });

  it('throws the reason if it is aborted in the middle, and hands on nothing more', async () => {
    const { client, request } = make();
    const controller = new AbortController();
    let batches = 0;
    const read = client.stream(request, controller.signal, (batch) => {
      if (!batch.length) return undefined;
      batches += 1;
      controller.abort('reason');
      return undefined;
    });
    await expect(read).rejects.toBe('reason');
    expect(batches).toBe(1);
  });

  it('ends with what its listener throws, at once or later, and tells it no more', async () => {
    const { client, request } = make();
    for (const fail of [() => raise('full'), () => Promise.reject(new Error('full'))]) {
      const listener = vi.fn(fail);
      const read = client.stream(request, new AbortController().signal, listener);
      await expect(read).rejects.toThrow('full');
      await delay(20);
      expect(listener).toHaveBeenCalledTimes(1);
    }
    expect((await call(client, request)).finish).toBeDefined();
  });

  it('gives a listener no more before it has taken what it has', async () => {
    const { client, request } = make();
    let taking = 0;
    let most = 0;
    const text: string[] = [];
    await client.stream(request, new AbortController().signal, async (parts) => {
      most = Math.max(most, ++taking);
      for (const part of parts) if (part.type === 'text') text.push(part.text);
      await delay(10);
      taking--;
    });
    expect({ most, text: text.join('') }).toEqual({ most: 1, text: (await call(client, request)).text });
  });

  it('serves many at the same time', async () => {
    const { client, request } = make();
    const replies = await Promise.all(Array.from({ length: 20 }, () => call(client, request)));
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
  });
});
