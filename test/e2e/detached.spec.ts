import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { QueueService } from '../../src/messages/queue.service';
import { captureLogs } from '../support/log-capture';
import { failure, reply } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { useChatApp } from '../support/use-chat-app';

interface Line {
  msg: string;
  request_id?: string;
  message_id?: string;
}

const logs = captureLogs('info');
const t = useChatApp({}, { own: 'reads its log, and stops writing', overrides: [logs.override] });
const { model } = t;
const alice = t.client('alice');
beforeEach(() => {
  model.reset();
  logs.lines.length = 0;
});

const linesOf = (text: RegExp): Line[] =>
  logs.lines.map((line) => JSON.parse(line) as Line).filter(({ msg }) => text.test(msg));

/** While the work is done, statements on this table fail. */
async function withoutTable(table: string, work: () => Promise<unknown>): Promise<void> {
  const db = t.app.get(DataSource);
  await db.query(`ALTER TABLE ${table} RENAME TO away`);
  try {
    await work();
  } finally {
    await db.query(`ALTER TABLE away RENAME TO ${table}`);
  }
}

async function lineOf(text: RegExp): Promise<Line> {
  for (let tries = 0; tries < 200 && linesOf(text).length === 0; tries++) await sleep(20);
  return linesOf(text)[0];
}

describe('a line of what all requests share is of none of them', () => {
  it('the journal, which the first event of some reply sets going', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    model.script(reply(['One', gate, ' two']));
    const reader = await (await alice.stream(id, 'Hi', { 'x-request-id': 'the-first' })).count(2);
    await withoutTable('reply_journal', async () => {
      gate.release();
      expect(await lineOf(/journal could not be stored/)).not.toHaveProperty('request_id');
    });
    await reader.done();
  });

  it('the look at open replies, which the first that waits sets going', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    model.script(reply(['One', gate]), reply('Two'));
    const look = vi.spyOn(t.app.get(QueueService, { strict: false }), 'notWaiting');
    const running = await (await alice.stream(id, 'First')).count(2);
    const waiting = await alice.open(
      'POST',
      `/chat/${id}/stream`,
      { content: 'Second', on_busy: 'queue' },
      { 'x-request-id': 'the-second' },
    );
    await vi.waitFor(() => expect(look).toHaveBeenCalled(), 20_000);
    await withoutTable('messages', async () => {
      expect(await lineOf(/Could not look \(open replies\)/)).not.toHaveProperty('request_id');
    });
    gate.release();
    await running.done();
    await waiting.done();
  });
});

it('a reply is of the request that began it, and one that had to wait not of the request before', async () => {
  const { id } = await alice.conversation();
  const gate = hold();
  model.script(reply(['One', gate]), failure(500));
  const running = await (await alice.stream(id, 'First', { 'x-request-id': 'the-first' })).count(2);
  const waiting = await alice.open('POST', `/chat/${id}/stream`, { content: 'Second', on_busy: 'queue' });
  gate.release();
  await running.done();
  await waiting.done();
  expect(await lineOf(/A model call failed/)).not.toHaveProperty('request_id');

  logs.lines.length = 0;
  model.script(failure(500));
  await (await alice.stream(id, 'Third', { 'x-request-id': 'the-third' })).done();
  expect(await lineOf(/A model call failed/)).toMatchObject({ request_id: 'the-third' });
});
