import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import {
  ModelRunner,
  type RunRequest,
  type StepListener,
  type StepResult,
} from '../../../src/llm/model-runner';
import { OpenRepliesService } from '../../../src/messages/open-replies.service';
import { ReplyContent, type ReplyDelta } from '../../../src/messages/content/reply-content';
import { TurnsService } from '../../../src/messages/turns.service';
import { deltaEvent, startEvent } from '../../../src/replies/events/event-codec';
import { Sweeper } from '../../../src/replies/lifecycle/sweeper';
import { DeadInstanceReplies } from '../../../src/replies/lifecycle/dead-instance-replies';
import { addProbeKind, probe, removeProbeKind } from '../../support/probe-part';
import { streamBody } from '../../support/stored-replies';
import { useChatApp } from '../../support/use-chat-app';

/*
 * Items in the running service: a kind of content that only tests know (`probe-part.ts`) is streamed, stored, checkpointed, recovered and replayed.
 */

const DELTAS: ReplyDelta[] = [
  { type: 'reasoning', text: 'Let me look.' },
  probe('1'),
  { type: 'text', text: 'It is ' },
  { type: 'text', text: '7 °C' },
  probe('2', 'a "quoted"\n\u2028 output 🌍'),
  probe('3'),
  { type: 'text', text: '.' },
];

const runner = {
  async runStep(_request: RunRequest, _signal: AbortSignal, listener: StepListener): Promise<StepResult> {
    for (const delta of DELTAS) await listener.onParts([delta]);
    return { reason: 'stop', usage: null, toolCalls: [] };
  },
};

const sql = <Row = object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  t.app.get(DataSource).query(text, values);

const t = useChatApp(
  {},
  {
    own: 'replaces the model, and has no background work',
    overrides: [{ provide: ModelRunner, useValue: runner }],
  },
);
const alice = t.client('alice');
beforeAll(async () => {
  addProbeKind();
  // Here the tests say when.
  t.app.get(Sweeper).onModuleDestroy();
});
afterAll(() => removeProbeKind());

it('items are streamed, stored and replayed, from any event on', async () => {
  const { id } = await alice.conversation();
  const live = await (await alice.stream(id, 'Hi')).done();
  const events = DELTAS.map((delta) => JSON.parse(JSON.stringify(deltaEvent(delta))) as unknown);
  expect(live.events.slice(1, -1).map(({ type, data }) => ({ type, data }))).toEqual(events);
  const body = await streamBody(t, 'alice', live.messageId);
  const blocks = body.split('\n\n').slice(0, -1);
  expect(blocks).toHaveLength(DELTAS.length + 2);
  expect(blocks.map((block) => block.split('\ndata: ')[1])).toEqual(
    live.events.map(({ type, data }) => JSON.stringify({ type, data })),
  );
  for (let after = 1; after < blocks.length; after++)
    expect(await streamBody(t, 'alice', live.messageId, `${live.messageId}:${after}`)).toBe(
      blocks
        .slice(after)
        .map((block) => `${block}\n\n`)
        .join(''),
    );
  const [{ lengths, text }] = await sql<{ lengths: string; text: string }>(
    `SELECT encode(event_lengths, 'hex') AS lengths, parts #>> '{2,text}' AS text FROM messages WHERE id = $1`,
    [live.messageId],
  );
  expect([lengths, text]).toEqual(['0c000604000001', 'It is 7 °C']);
  expect(await alice.message(live.messageId)).toMatchObject({ content: 'It is 7 °C.', status: 'completed' });
});

it.each([0, 1, 2, 4, 5, 7])('items are recovered behind a checkpoint of %d events', async (checkpointed) => {
  const turn = {
    content: 'Hi',
    tokens: 1,
    model: 'm',
    provider: 'p',
    contextTokens: 100,
    maxOutputTokens: 100,
  };
  const { messageId, conversationId } = await openTurn(turn);
  const instanceId = randomUUID();
  await sql(`INSERT INTO instances VALUES ($1, '-infinity')`, [instanceId]);
  await sql(`INSERT INTO reply_journal VALUES ($1, 0, '')`, [instanceId]);
  await sql('UPDATE open_replies SET instance_id = $1, first_batch = 1 WHERE message_id = $2', [
    instanceId,
    messageId,
  ]);
  const start = startEvent({ conversation_id: conversationId, id: messageId, parent_id: null, model: 'm' });
  const events = [start, ...DELTAS.map(deltaEvent)];
  for (const [index, from] of [0, 3, 5].entries()) {
    const run = events.slice(from, [3, 5, 8][index]);
    const payload = JSON.stringify([[messageId, from + 1, run]]);
    await sql('INSERT INTO reply_journal VALUES ($1, $2, $3)', [instanceId, index + 1, payload]);
  }
  const content = new ReplyContent();
  DELTAS.slice(0, checkpointed).forEach((delta) => content.add(delta));
  const writer = { messageId, userId: 'alice', conversationId, instanceId };
  if (checkpointed) await t.app.get(OpenRepliesService).checkpoint(writer, 1, content);
  expect(await t.app.get(DeadInstanceReplies).close()).toBe(1);
  const replay = (await streamBody(t, 'alice', messageId)).matchAll(/^data: ([^\n]*)/gm);
  expect(Array.from(replay, ([, json]) => json).slice(1, -1)).toEqual(
    DELTAS.map((delta) => JSON.stringify(deltaEvent(delta))),
  );
});

async function openTurn(turn: Omit<Parameters<TurnsService['open']>[0], 'userId'>) {
  const opened = await t.app.get(TurnsService).open({ userId: 'alice', ...turn });
  const [row] = await sql<{ conversation_id: string }>('SELECT conversation_id FROM messages WHERE id = $1', [
    opened.messageId,
  ]);
  return { messageId: opened.messageId, conversationId: row.conversation_id };
}
