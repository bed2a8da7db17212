import { call, testProvider, testRequest } from '../../../test/support/model-calls';
import type { ModelMessage } from '../llm-client';
import { DemoClient } from './demo-client';

const provider = testProvider('', { kind: 'demo', baseUrl: undefined, apiKey: undefined });

function answer(messages: ModelMessage[], settings = {}) {
  return call(new DemoClient(0), { ...testRequest(provider, {}, settings), messages });
}

describe('DemoClient', () => {
  it('says what it is and how to get a real model', async () => {
    const { text } = await answer([{ role: 'user', content: 'Hello?' }]);
    expect(text).toContain('demo');
    expect(text).toContain('not an AI');
    for (const name of ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'OPENAI_MODEL']) expect(text).toContain(name);
  });

  it('shows what it was asked and given', async () => {
    const messages: ModelMessage[] = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'One' },
      { role: 'assistant', content: 'Two' },
      { role: 'user', content: 'What is\n the   weather?' },
    ];
    const { text } = await answer(messages);
    expect(text).toContain('You wrote 4 words: “What is the weather?”.');
    expect(text).toContain('2 earlier messages and a system prompt');
  });

  it.each([
    ['nothing', ''],
    ['a long message', 'x'.repeat(10_000)],
    ['a pair at the cut', `${'x'.repeat(199)}🌍y`],
  ])('answers %s shortly and well-formed', async (_, content) => {
    const { text, finish } = await answer([{ role: 'user', content }]);
    expect(text.length).toBeLessThan(900);
    expect(text.isWellFormed()).toBe(true);
    expect(text).not.toContain('\uFFFD');
    expect(finish?.reason).toBe('stop');
  });

  it('answers without any message', async () => {
    expect((await answer([])).finish?.reason).toBe('stop');
  });

  it('ends at the limit that was asked for', async () => {
    const { finish, text } = await answer([{ role: 'user', content: 'Hi' }], { max_output_tokens: 5 });
    expect(finish).toMatchObject({ reason: 'length', usage: { estimated: true } });
    expect(finish?.usage?.output_tokens).toBeLessThanOrEqual(5);
    expect(text.length).toBeGreaterThan(0);
  });

  it('streams 30 to 60 words a second', async () => {
    const start = performance.now();
    const { batches } = await call(new DemoClient(), { ...testRequest(provider), messages: [] });
    const perSecond = batches.length / ((performance.now() - start) / 1000);
    // A busy machine makes it slower, nothing makes it faster.
    expect(perSecond).toBeLessThan(60);
    expect(perSecond).toBeGreaterThan(5);
  });
});
