import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TokenUsage } from '../../src/llm/llm-client';
import { OpenAiClient } from '../../src/llm/openai/openai-client';
import { call, testLimits, testProvider, testRequest } from '../support/model-calls';
import { fixture, fixturePath, status, trickle } from '../support/model-server/behaviours';
import { useModelServer } from '../support/use-model-server';

interface Expected {
  text: string;
  reasoning?: string;
  finish?: string;
  word?: string;
  usage?: Omit<TokenUsage, 'estimated'>;
  error?: string;
  thinkTags?: boolean;
}

/** Each file of `test/fixtures/providers`, and what its reply is. */
const STREAMS: Record<string, Expected> = {
  'openai.sse': {
    text: 'Hello – wörld 🌍',
    finish: 'stop',
    usage: { input_tokens: 13, output_tokens: 210, reasoning_tokens: 192, cached_input_tokens: 8 },
  },
  'openai-refusal.sse': { text: "I can't help with that.", finish: 'stop' },
  'openai-length-without-text.sse': {
    text: '',
    finish: 'length',
    usage: { input_tokens: 13, output_tokens: 64, reasoning_tokens: 64 },
  },
  'azure.sse': { text: 'Good day.', finish: 'stop', usage: { input_tokens: 11, output_tokens: 3 } },
  'azure-async-filter.sse': { text: 'Good day.', finish: 'stop' },
  'dashscope.sse': {
    text: '你好!',
    reasoning: 'The user greets me.',
    finish: 'stop',
    usage: { input_tokens: 16, output_tokens: 40, reasoning_tokens: 30, cached_input_tokens: 0 },
  },
  'dashscope-tool-call.sse': { text: '', error: 'unexpected_tool_call' },
  'deepseek.sse': {
    text: '4',
    reasoning: 'Simple sum.',
    finish: 'stop',
    usage: { input_tokens: 20, output_tokens: 12, reasoning_tokens: 9, cached_input_tokens: 16 },
  },
  'deepseek-cache-only-usage.sse': {
    text: '4',
    finish: 'stop',
    usage: { input_tokens: 20, output_tokens: 1, cached_input_tokens: 16 },
  },
  'deepseek-insufficient-resource.sse': { text: 'Once upon', error: 'provider_overloaded' },
  'ollama.sse': {
    text: 'Hi there',
    reasoning: 'Let me think.',
    finish: 'stop',
    usage: { input_tokens: 12, output_tokens: 9 },
  },
  'ollama-tool-call.sse': { text: '', error: 'unexpected_tool_call' },
  'vllm.sse': {
    text: 'Yes.',
    reasoning: 'Hm. ',
    finish: 'stop',
    usage: { input_tokens: 10, output_tokens: 5 },
  },
  'vllm-older-reasoning.sse': { text: 'Yes.', reasoning: 'Hm. ', finish: 'stop' },
  'vllm-reasoning-only.sse': { text: '', reasoning: 'The answer is 42.', finish: 'stop' },
  'vllm-error.sse': { text: 'Part', error: 'provider_unavailable' },
  'llama-cpp.sse': {
    text: 'Hey!',
    reasoning: 'Short.',
    finish: 'stop',
    usage: { input_tokens: 70, output_tokens: 5 },
  },
  'llama-cpp-error.sse': { text: 'Part', error: 'context_length_exceeded' },
  'llama-cpp-error-field.sse': { text: 'Part', error: 'provider_unavailable' },
  'moonshot.sse': {
    text: 'Hello!',
    reasoning: 'Greeting.',
    finish: 'stop',
    usage: { input_tokens: 19, output_tokens: 13, cached_input_tokens: 10 },
  },
  'moonshot-top-level-usage.sse': {
    text: 'Hello!',
    finish: 'stop',
    usage: { input_tokens: 19, output_tokens: 13, cached_input_tokens: 10 },
  },
  'zhipu.sse': {
    text: 'Hi you',
    reasoning: 'A greeting.',
    finish: 'stop',
    usage: { input_tokens: 8, output_tokens: 21, cached_input_tokens: 2 },
  },
  'zhipu-tool-call.sse': { text: '', error: 'unexpected_tool_call' },
  'zhipu-sensitive.sse': { text: 'Some', finish: 'content_filter' },
  'zhipu-network-error.sse': { text: 'Some', error: 'provider_unavailable' },
  'zhipu-model-context-window-exceeded.sse': {
    text: 'Some',
    finish: 'length',
    word: 'model_context_window_exceeded',
  },
  'groq.sse': {
    text: 'Fast',
    reasoning: 'Ok.',
    finish: 'stop',
    usage: { input_tokens: 80, output_tokens: 30, reasoning_tokens: 18 },
  },
  'groq-x-groq-only.sse': {
    text: 'Fast',
    finish: 'stop',
    usage: { input_tokens: 80, output_tokens: 30, reasoning_tokens: 18 },
  },
  'minimax-think.sse': {
    text: 'Right, <think> is a tag.',
    reasoning: 'The user says a < b.',
    finish: 'stop',
    thinkTags: true,
  },
  'openrouter.sse': {
    text: 'Hello',
    reasoning: 'Polite.',
    finish: 'stop',
    usage: { input_tokens: 14, output_tokens: 20, reasoning_tokens: 11, cached_input_tokens: 0 },
  },
  'openrouter-error.sse': { text: 'Hel', error: 'provider_rate_limited' },
  'mistral.sse': {
    text: 'Bonjour',
    reasoning: 'First, greet.',
    finish: 'stop',
    usage: { input_tokens: 7, output_tokens: 12 },
  },
};

const REFUSALS: [file: string, status: number, code: string, retryable: boolean][] = [
  ['azure-content-filter.json', 400, 'content_filter', false],
  ['dashscope-inspection.json', 400, 'content_filter', false],
  ['dashscope-throttling.json', 429, 'provider_rate_limited', true],
  ['dashscope-stream-only.json', 400, 'provider_bad_request', false],
  ['sglang-context-length.json', 400, 'context_length_exceeded', false],
  ['llama-cpp-context-size.json', 400, 'context_length_exceeded', false],
  ['gemini-error.json', 429, 'provider_rate_limited', true],
];

const server = useModelServer();
let client: OpenAiClient;

beforeAll(() => {
  client = new OpenAiClient(testLimits());
});

afterEach(() => server.reset());

afterAll(() => client.close());

it('covers every fixture', () => {
  const files = readdirSync(dirname(fixturePath('x'))).filter((name) => /\.(sse|json)$/.test(name));
  expect([...Object.keys(STREAMS), ...REFUSALS.map(([name]) => name)].sort()).toEqual(files.sort());
});

describe.each([
  ['at once', Infinity],
  ['7 bytes at a time', 7],
  ['byte by byte', 1],
])('a stream that arrives %s', (_, bytes) => {
  it.each(Object.entries(STREAMS))('%s', async (name, expected) => {
    server.script(trickle(fixture(name), bytes));
    const { thinkTags } = expected;
    const reply = await call(client, testRequest(testProvider(server.url), { thinkTags }));
    expect({ text: reply.text, reasoning: reply.reasoning, error: reply.code }).toEqual({
      text: expected.text,
      reasoning: expected.reasoning ?? '',
      error: expected.error,
    });
    const usage = expected.usage ? { ...expected.usage, estimated: false } : null;
    const { finish: reason, word = expect.any(String) as string } = expected;
    expect(reply.finish).toEqual(reason && { reason, word, usage, toolCalls: [] });
    expect(server.faults).toEqual([]);
  });
});

it('takes <think> for text unless the model is known to think in its answer', async () => {
  server.script(fixture('minimax-think.sse'));
  const reply = await call(client, testRequest(testProvider(server.url)));
  expect(reply.reasoning).toBe('');
  expect(reply.text).toMatch(/^\n<think>The user says a < b\.<\/think>/);
});

describe('a refusal', () => {
  it.each(REFUSALS)('%s with status %i is %s', async (name, code, expected, retryable) => {
    const body = readFileSync(fixturePath(name), 'utf8');
    server.script(status(code, body, { 'content-type': 'application/json' }));
    const { error } = await call(client, testRequest(testProvider(server.url)));
    expect(error).toMatchObject({ name: 'LlmError', code: expected, retryable });
  });
});
