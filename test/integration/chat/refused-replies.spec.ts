import { ModelRunner } from '../../../src/llm/model-runner';
import type { ModelPart } from '../../../src/llm/llm-client';
import type { RunRequest, StepListener, StepResult } from '../../../src/llm/model-runner';
import { TransactionRunner } from '../../../src/database/transaction-runner';
import type { ChatMessage } from '../../support/api-client';
import type { SseReader } from '../../support/sse-reader';
import { useChatApp } from '../../support/use-chat-app';

const REFUSED = { code: 'storage_refused', retryable: true };

/** What the model says next; whatever a provider's answer would have been cleaned of is in it. */
let parts: ModelPart[][] = [];
const runner = {
  async runStep(_request: RunRequest, _signal: AbortSignal, listener: StepListener): Promise<StepResult> {
    const attempt = { provider: 'test', model: 'test', try: 1, started_at: new Date().toISOString() };
    for (const batch of parts) await listener.onParts(batch);
    listener.onAttempt({ ...attempt, outcome: 'ok', first_event_ms: 1, duration_ms: 1 });
    return {
      reason: 'stop',
      usage: { input_tokens: 1, output_tokens: 2, estimated: false },
      toolCalls: [],
    };
  },
};

const t = useChatApp(
  {},
  { own: 'replaces the model', overrides: [{ provide: ModelRunner, useValue: runner }] },
);
const alice = t.client('alice');
afterEach(() => refuse(undefined));

/** Until it is changed, the database takes no message of which this is false. */
async function refuse(check: string | undefined): Promise<void> {
  const db = t.app.get(TransactionRunner);
  await db.query('ALTER TABLE messages DROP CONSTRAINT IF EXISTS ck_messages_test');
  if (check)
    await db.query(`ALTER TABLE messages ADD CONSTRAINT ck_messages_test CHECK (${check}) NOT VALID`);
}

/** Streams a reply to its end. */
async function streamed(...texts: string[]): Promise<{ conversation: string; reader: SseReader }> {
  parts = texts.map((text) => [{ type: 'text', text }]);
  const { id: conversation } = await alice.conversation();
  const reader = await (await alice.stream(conversation, 'Hi')).done();
  return { conversation, reader };
}

async function expectGoesOn(conversation: string): Promise<void> {
  parts = [[{ type: 'text', text: 'Fine.' }]];
  const { message } = await alice.say(conversation, 'And now?');
  expect(message).toMatchObject({ content: 'Fine.', status: 'completed' });
}

const replay = async (reader: SseReader) => (await alice.follow(reader.messageId)).done();

describe('a finished reply that the database refuses for good', () => {
  it.each([
    ['a NUL', ['Os\0', 'lo\0.'], 'Os\uFFFDlo\uFFFD.'],
    ['half a character', ['Os\ud83d', 'lo.'], 'Os\uFFFDlo.'],
  ])('is closed as failed, %s replaced', async (_, texts, content) => {
    const { conversation, reader } = await streamed(...texts);
    expect(reader.events.at(-1)).toMatchObject({ type: 'error', data: REFUSED });
    expect(await alice.message(reader.messageId)).toMatchObject({
      content,
      status: 'failed',
      error: REFUSED,
      finish_reason: null,
      usage: { input_tokens: 1, output_tokens: 2 },
    });
    // The same events under the same numbers.
    const later = await replay(reader);
    expect(later.events.map(({ id, type }) => [id, type])).toEqual(
      reader.events.map(({ id, type }) => [id, type]),
    );
    expect(later.text).toBe(content);
    await expectGoesOn(conversation);
  });

  it('takes a character in two events for a whole one', async () => {
    const { reader } = await streamed('\0', '\ud83d', '\ude00');
    expect((await alice.message(reader.messageId)).content).toBe('\uFFFD😀');
  });

  it('keeps the first part of it that can be stored', async () => {
    await refuse(`parts::text NOT LIKE '%four%'`);
    const { conversation, reader } = await streamed('one ', 'two ', 'three ', 'four ', 'five');
    expect(reader.text).toBe('one two three four five');
    expect(reader.events.at(-1)).toMatchObject({ type: 'error', data: REFUSED });
    expect(await alice.message(reader.messageId)).toMatchObject({ content: 'one ', status: 'failed' });
    const later = await replay(reader);
    expect([later.text, later.events.at(-1)?.type]).toEqual(['one ', 'error']);
    await refuse(undefined);
    await expectGoesOn(conversation);
  });

  it('keeps nothing but the error if that is all that can be stored', async () => {
    await refuse(
      `status NOT IN ('completed', 'failed') OR role = 'user' OR (parts = '[]' AND attempts = '[]')`,
    );
    const { conversation, reader } = await streamed('one ', 'two');
    expect(reader.events.at(-1)).toMatchObject({ type: 'error', data: REFUSED });
    const message = await alice.message(reader.messageId);
    expect(message).toMatchObject({ content: '', status: 'failed', error: REFUSED, usage: null });
    await refuse(undefined);
    await expectGoesOn(conversation);
  });

  it('is what a waiting client is told', async () => {
    await refuse(`parts::text NOT LIKE '%one%'`);
    parts = [[{ type: 'text', text: 'one' }]];
    const { id } = await alice.conversation();
    const answer = await alice.post<ChatMessage & { code: string }>(`/chat/${id}`, { content: 'Hi' });
    expect([answer.status, answer.body.code]).toEqual([500, 'storage_refused']);
  });
});
