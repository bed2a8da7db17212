import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TransactionRunner } from '../../src/database/transaction-runner';
import { countTokens } from '../../src/llm/tokens/token-counter';
import { finish, reasoning, reply, stream, text } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import type { SseReader } from '../support/sse-reader';
import { NO_MODEL, useChatApp } from '../support/use-chat-app';

const WINDOW = 2_000;
const ANSWER = 900;
/** What each message takes besides its text. */
const OVERHEAD = 4;

const directory = mkdtempSync(join(tmpdir(), 'parley-models-'));

const t = useChatApp((server) => {
  const file = join(directory, 'models.yaml');
  writeFileSync(
    file,
    `providers: [{name: p, kind: openai, base_url: "${server.url}", api_key_env: TEST_KEY}]
models: [{id: small, provider: p, context_window: ${WINDOW}, max_output_tokens: ${ANSWER}}, {id: large, provider: p, context_window: 100000}]`,
  );
  return { MODELS_FILE: file, TEST_KEY: 'x-key-of-tests', ...NO_MODEL };
});
const { model } = t;
const alice = t.client('alice');
beforeEach(() => model.reset());
afterAll(() => rmSync(directory, { recursive: true }));

const words = (count: number) => 'word '.repeat(count).trimEnd();
const cut = (count: number) => stream(text(words(count)), finish('length'));

/** Tokens of what the model was sent last. */
const sentTokens = () =>
  (model.requests.at(-1)?.body.messages ?? []).reduce(
    (sum, { content }) => sum + countTokens(content) + OVERHEAD,
    0,
  );

it('reasoning of earlier replies is not loaded for a turn, as no model sees it', async () => {
  const { id } = await alice.conversation({ model: 'large' });
  const thought = 'hm '.repeat(2_000);
  model.script(stream(reasoning(thought), text('Yes.'), finish()));
  const { message } = await alice.say(id, 'First');
  const query = vi.spyOn(t.app.get(TransactionRunner), 'query');
  await alice.say(id, 'Second');
  const answers = await Promise.all(query.mock.results.map(({ value }) => value as Promise<object[]>));
  query.mockRestore();
  expect(JSON.stringify(answers)).toContain('"text":"Yes."');
  expect(JSON.stringify(answers)).not.toContain('hm hm');
  expect((await alice.message(message.id)).parts?.[0]).toMatchObject({ type: 'reasoning', text: thought });
});

/** A conversation whose last reply was cut, and that reply. */
async function cutReply(said: number, replied: number, before: number[] = []) {
  const { id } = await alice.conversation({ model: 'small' });
  for (const count of before) {
    model.script(reply('Yes.'));
    await alice.say(id, words(count));
  }
  model.script(cut(replied));
  const { message } = await alice.say(id, words(said));
  return { id, messageId: message.id };
}

const goOn = (messageId: string, body: object = {}): Promise<SseReader> =>
  alice.open('POST', `/messages/${messageId}/continue`, body);

describe('a reply that is gone on with', () => {
  it('is counted: what is earlier makes room for it', async () => {
    const { messageId } = await cutReply(100, 800, [300, 300, 100]);
    model.script(reply(' the end.'));
    await (await goOn(messageId)).done();
    expect(sentTokens()).toBeLessThanOrEqual(WINDOW - ANSWER);
    const contents = model.requests.at(-1)?.body.messages.map(({ content }) => content) ?? [];
    expect(contents).toEqual(expect.arrayContaining([words(100), words(800)]));
    expect(contents).not.toContain(words(300));
  });

  it('is counted where it had to wait for its turn, too', async () => {
    const { id, messageId } = await cutReply(100, 800, [300, 300, 100]);
    const gate = hold();
    model.script(reply(['One', gate]), reply(' the end.'));
    const running = await (await alice.stream(id, 'Meanwhile?')).count(2);
    const waiting = await goOn(messageId, { on_busy: 'queue' });
    gate.release();
    await running.done();
    await waiting.done();
    expect(waiting.events.at(-1)?.type).toBe('end');
    expect(model.requests.at(-1)?.body.messages.map(({ content }) => content)).toContain(words(800));
    expect(sentTokens()).toBeLessThanOrEqual(WINDOW - ANSWER);
  });

  it('is refused where it does not fit together with what it answers', async () => {
    const { id, messageId } = await cutReply(700, 800);
    const calls = model.requests.length;
    for (const on_busy of ['reject', 'queue']) {
      const answer = await alice.post(`/messages/${messageId}/continue`, { on_busy });
      expect([answer.status, answer.body.code]).toEqual([413, 'context_length_exceeded']);
    }
    expect(model.requests).toHaveLength(calls);
    expect(await alice.history(id)).toHaveLength(2);
    model.script(reply(' the end.'));
    const larger = await (await goOn(messageId, { model: 'large' })).done();
    expect(larger.events.at(-1)?.type).toBe('end');
  });

  it('fails when its turn comes, if by then it does not fit any more', async () => {
    const { id, messageId } = await cutReply(100, 800);
    const gate = hold();
    model.script(reply(['One', gate]));
    const running = await (await alice.stream(id, 'Meanwhile?')).count(2);
    const waiting = await goOn(messageId, { on_busy: 'queue' });
    const calls = model.requests.length;
    await alice.patch(`/conversations/${id}`, { system_prompt: words(300) });
    gate.release();
    await running.done();
    await waiting.done();
    expect(waiting.events.at(-1)).toMatchObject({ type: 'error', data: { code: 'context_length_exceeded' } });
    expect(model.requests).toHaveLength(calls);
  });
});

it('a further reply is refused where what it answers does not fit', async () => {
  const { id } = await alice.conversation({ model: 'large' });
  model.script(reply('Yes.'));
  const { message } = await alice.say(id, words(WINDOW));
  const answer = await alice.post(`/messages/${message.id}/regenerate`, { model: 'small' });
  expect([answer.status, answer.body.code]).toEqual([413, 'context_length_exceeded']);
});
