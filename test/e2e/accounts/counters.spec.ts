import { DataSource } from 'typeorm';
import { TransactionRunner } from '../../../src/database/transaction-runner';
import { Counters } from '../../../src/usage/counters';
import { CountersRepository } from '../../../src/usage/counters.repository';
import type { ChatMessage, Conversation } from '../../support/api-client';
import { failure, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { Random } from '../../faults/support/random';
import { useChatApp } from '../../support/use-chat-app';

const STEPS = Number(process.env.COUNTER_STEPS ?? 120);
const TEXTS = ['a', 'Größe 漢字 🙂', 'quoted "\\" \n\t\u0001 </x>', 'word '.repeat(400)];

const t = useChatApp({}, { own: 'counts the rows of everybody' });
const { model } = t;
const alice = t.client('alice');

function counters(): Counters {
  const db = t.app.get(TransactionRunner);
  return new Counters(new CountersRepository(db), db);
}

/** One thing that somebody does. What it answers is not looked at: a refusal must change nothing either. */
async function act(random: Random, ids: string[]): Promise<unknown> {
  const text = () => random.pick(TEXTS);
  const id = random.pick(ids);
  const { body: detail } = await alice.get<Conversation & { messages?: ChatMessage[] }>(
    `/conversations/${id}`,
  );
  const messages =
    (await alice.get<{ data?: ChatMessage[] }>(`/chat/${id}/history?limit=100`)).body.data ?? [];
  const replies = messages.filter(({ role }) => role === 'assistant');
  const said = messages.filter(({ role }) => role === 'user');
  const tags = () => (random.chance(0.5) ? [text().slice(0, 20), 'wörter'] : []);
  const made = async (path: string, body?: object) => {
    const { status, body: one } = await alice.post<{ id: string }>(path, body);
    if (status === 201) ids.push(one.id);
  };
  const acts: (() => Promise<unknown>)[] = [
    () => made('/conversations', { title: text().slice(0, 200), metadata: { key: text().slice(0, 500) } }),
    async () => {
      const stream = await alice.open('POST', '/chat', { content: text() });
      await stream.done();
      ids.push((await alice.message(stream.messageId)).conversation_id);
    },
    () => alice.post(`/chat/${id}`, { content: text() }),
    () => alice.post(`/chat/${id}`, { content: text() }),
    async () => {
      model.script(failure(500));
      await alice.post(`/chat/${id}`, { content: text() });
    },
    async () => {
      const gate = hold();
      model.script(reply(['Some ', gate, 'more']));
      const stream = await alice.stream(id, text());
      const waiting = alice.post(`/chat/${id}`, { content: text(), on_busy: 'queue' });
      await (random.chance(0.7) ? alice.post(`/chat/${id}/stop`) : alice.delete(`/conversations/${id}`));
      gate.release();
      await stream.done();
      await waiting;
      model.reset();
      model.otherwise(reply('Plain "text" – ok.'));
    },
    () => alice.patch(`/conversations/${id}`, { title: random.chance(0.3) ? null : text().slice(0, 200) }),
    () => alice.patch(`/conversations/${id}`, { system_prompt: random.chance(0.3) ? null : text() }),
    () =>
      alice.patch(`/conversations/${id}`, {
        settings: random.chance(0.5) ? {} : { stop: [text().slice(0, 50)] },
      }),
    () =>
      alice.put(`/conversations/${id}`, {
        metadata: { a: text().slice(0, 500) },
        archived: random.chance(0.2),
      }),
    () => made(`/conversations/${id}/fork`, said.length ? { message_id: random.pick(messages).id } : {}),
    () => alice.delete(`/conversations/${id}`),
    () => alice.delete(`/conversations/${id}/context`),
  ];
  if (replies.length) {
    const { id: message_id } = random.pick(replies);
    acts.push(
      () => alice.post(`/messages/${message_id}/regenerate`),
      () => alice.post(`/messages/${message_id}/select`),
      () => alice.delete(`/messages/${random.chance(0.5) ? message_id : random.pick(messages).id}`),
      () =>
        alice.post('/feedback', {
          message_id,
          rating: 3,
          ...(random.chance(0.6) && { comment: text() }),
          tags: tags(),
        }),
      async () => {
        const given = await alice.get<{ data: { id: string }[] }>('/feedback');
        if (!given.body.data.length) return;
        const path = `/feedback/${random.pick(given.body.data).id}`;
        await (random.chance(0.5)
          ? alice.delete(path)
          : alice.patch(path, { comment: text(), tags: tags() }));
      },
    );
  }
  if (said.length) acts.push(() => alice.post(`/messages/${random.pick(said).id}/edit`, { content: text() }));
  return detail && random.pick(acts)();
}

it('are exact after whatever anybody does, also at once', async () => {
  model.otherwise(reply('Plain "text" – ok.'));
  const seed = Number(process.env.COUNTER_SEED ?? Date.now() % 1e9);
  const random = new Random(seed);
  const ids = [(await alice.conversation()).id];
  for (let step = 0; step < STEPS; step++) {
    await Promise.all(Array.from({ length: random.chance(0.3) ? 3 : 1 }, () => act(random, ids)));
    if (step % 10 === 9) {
      const { wrong } = await counters().recount({ correct: false });
      if (wrong.length) throw new Error(`COUNTER_SEED=${seed}, step ${step}: ${JSON.stringify(wrong)}`);
    }
  }
  const [{ bytes, messages }] = await t.app
    .get(DataSource)
    .query<{ bytes: string; messages: string }[]>(
      'SELECT sum(stored_bytes) AS bytes, sum(message_count) AS messages FROM conversations',
    );
  expect(Number(bytes)).toBeGreaterThan(0);
  expect(Number(messages)).toBeGreaterThan(0);
}, 300_000);

it('are found and set right where they are wrong', async () => {
  const { id } = await alice.conversation({ title: 'Four' });
  await t.app
    .get(DataSource)
    .query('UPDATE conversations SET stored_bytes = 1, message_count = 7 WHERE id = $1', [id]);
  const wrong = [{ id, stored_bytes: '1', counted_bytes: '8', message_count: 7, counted_messages: 0 }];
  expect((await counters().recount({ correct: false })).wrong).toEqual(wrong);
  expect((await counters().recount({ correct: true })).wrong).toEqual(wrong);
  expect((await counters().recount({ correct: false })).wrong).toEqual([]);
});
