import { failure, reply, text, stream, usage, finish, done } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { captureLogs } from '../support/log-capture';
import { until } from '../support/until';
import { useChatApp } from '../support/use-chat-app';

type Line = Record<string, unknown>;

const CANARY = 'canary-of-a-message';
const KEY = 'sk-providerkey0123456789';
const UUID = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;
const NUMBER = expect.any(Number) as number;
const PROCESS = { pid: process.pid, version: expect.stringMatching(/^\d+\.\d+\.\d+$/), instance_id: UUID };

const logs = captureLogs('info');
const t = useChatApp(
  { OPENAI_API_KEY: KEY, LLM_MAX_RETRIES: '1' },
  { own: 'reads its log', overrides: [logs.override] },
);
const { model } = t;
const alice = t.client('alice');
beforeEach(() => {
  model.reset();
  logs.lines.length = 0;
});
afterEach(() => {
  expect(logs.lines.join('')).not.toContain(CANARY);
  expect(logs.lines.join('')).not.toContain(KEY);
});

const linesOf = (msg: string) =>
  logs.lines.map((line) => JSON.parse(line) as Line).filter((line) => line.msg === msg);
const replyLines = (count = 1) =>
  until(async () => (linesOf('reply').length >= count ? linesOf('reply') : undefined));

it('every line says which process has written it', async () => {
  await alice.conversation();
  await until(async () => linesOf('request').length > 0);
  for (const line of logs.lines) expect(JSON.parse(line)).toMatchObject(PROCESS);
});

it('a reply is one line, which says what it took and nothing of what was written', async () => {
  model.script(failure(503), stream(text(CANARY), text(' and more'), finish(), usage(12, 3), done()));
  const { id } = await alice.conversation({ system_prompt: CANARY });
  const reader = await (await alice.stream(id, CANARY, { 'x-request-id': 'ours' })).done();
  expect(await replyLines()).toEqual([
    {
      level: 30,
      time: NUMBER,
      ...PROCESS,
      context: 'Reply',
      request_id: 'ours',
      conversation_id: id,
      message_id: reader.messageId,
      status: 'completed',
      finish_reason: 'stop',
      model: 'test-model',
      provider: 'openai',
      own: false,
      attempts: 2,
      input_tokens: 12,
      output_tokens: 3,
      first_token_ms: NUMBER,
      duration_ms: NUMBER,
      msg: 'reply',
    },
  ]);
  const [line] = linesOf('reply') as { first_token_ms: number; duration_ms: number }[];
  expect(line.first_token_ms).toBeLessThanOrEqual(line.duration_ms);
});

it('the line of a reply that has failed has the words of the provider, but for secrets and what the request says', async () => {
  model.otherwise(failure(402, { message: `Key ${KEY} has no money for "${CANARY}".`, code: 'no_money' }));
  const { id } = await alice.conversation();
  await (await alice.stream(id, CANARY)).done();
  const [line] = await replyLines();
  expect(line).toMatchObject({
    level: 40,
    status: 'failed',
    error: 'provider_rate_limited',
    provider_words: 'Key *** has no money for "***".',
    attempts: 1,
    conversation_id: id,
  });
  expect(line).not.toHaveProperty('first_token_ms');
  expect(line).not.toHaveProperty('output_tokens');
});

it('a reply that was stopped, and one whose conversation was deleted, have their lines', async () => {
  const [stopped, deleted] = [await alice.conversation(), await alice.conversation()];
  model.script(reply(['One', hold()]), reply(['Two', hold()]));
  const first = await (await alice.stream(stopped.id, 'Hi')).count(2);
  await alice.post(`/chat/${stopped.id}/stop`);
  await first.done();
  const second = await (await alice.stream(deleted.id, 'Hi')).count(2);
  await alice.call('DELETE', `/conversations/${deleted.id}`);
  await second.done();
  expect(await replyLines(2)).toMatchObject([
    {
      level: 30,
      conversation_id: stopped.id,
      status: 'stopped',
      finish_reason: 'stopped',
      tokens_estimated: true,
    },
    {
      level: 30,
      conversation_id: deleted.id,
      status: 'interrupted',
      error: 'conversation_deleted',
      unsaved: true,
    },
  ]);
});
