import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import type { LoggedEvent } from '../../../src/replies/events/event-codec';
import { JournalFollower } from '../../../src/replies/log/journal/journal-follower';
import { JournalRepository, type JournalBatch } from '../../../src/replies/log/journal/journal.repository';
import { JournalCleanup } from '../../../src/replies/log/journal/journal-cleanup';
import { DeadInstanceReplies } from '../../../src/replies/lifecycle/dead-instance-replies';
import { Sweeper } from '../../../src/replies/lifecycle/sweeper';
import { REPLY_BOUNDS } from '../../../src/config/bounds';
import { MessagesService } from '../../../src/messages/messages.service';
import { replyRef } from '../../../src/messages/message.types';
import { OpenRepliesService } from '../../../src/messages/open-replies.service';
import { ReplyContent } from '../../../src/messages/content/reply-content';
import { TurnsService } from '../../../src/messages/turns.service';
import { Signals } from '../../../src/signals/signals';
import { useChatApp } from '../../support/use-chat-app';

const WORD = 'word ';

let dead: DeadInstanceReplies;
const sql = <Row = object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  t.app.get(DataSource).query(text, values);

const t = useChatApp({}, { own: 'has no background work, and instances that died' });
const alice = t.client('alice');
beforeAll(async () => {
  dead = t.app.get(DeadInstanceReplies);
  // Here the tests say when.
  t.app.get(Sweeper).onModuleDestroy();
  t.app.get(JournalCleanup).onModuleDestroy();
  await alice.conversation();
});
afterEach(() => vi.restoreAllMocks());

/** A process that is gone, with so many replies open. */
async function deadProcess(replies: number): Promise<{ instanceId: string; ids: string[] }> {
  const instanceId = randomUUID();
  const turns = t.app.get(TurnsService);
  const ids: string[] = [];
  for (let n = 0; n < replies; n++) {
    const request = {
      content: 'Hi',
      tokens: 1,
      model: 'm',
      provider: 'p',
      contextTokens: 100,
      maxOutputTokens: 100,
    };
    ids.push((await turns.open({ userId: 'alice', ...request })).messageId);
  }
  await sql(`INSERT INTO instances VALUES ($1, '-infinity')`, [instanceId]);
  await sql(`INSERT INTO reply_journal VALUES ($1, 0, '')`, [instanceId]);
  await sql('UPDATE open_replies SET instance_id = $1, first_batch = 1 WHERE message_id = ANY($2)', [
    instanceId,
    ids,
  ]);
  return { instanceId, ids };
}

/** Batches in each of which every reply says the words that `say` answers, after its start in the first. */
async function journal(
  instanceId: string,
  ids: string[],
  batches: number,
  say: (batch: number) => string[] = () => [WORD],
): Promise<void> {
  let next = 2;
  for (let batch = 1; batch <= batches; batch++) {
    const events: object[] = say(batch).map((content) => ({ type: 'chunk', data: { content } }));
    const sequence = batch === 1 ? 1 : next;
    const all = batch === 1 ? [{ type: 'start', data: {} }, ...events] : events;
    const payload = JSON.stringify(ids.map((id) => [id, sequence, all]));
    await sql('INSERT INTO reply_journal VALUES ($1, $2, $3)', [instanceId, batch, payload]);
    next += events.length;
  }
}

const journalOf = (instanceId: string) =>
  sql('SELECT 1 FROM reply_journal WHERE instance_id = $1', [instanceId]);

it('closes what a process that is gone was writing, and drops its journal', async () => {
  const { instanceId, ids } = await deadProcess(3);
  await journal(instanceId, ids, 5);
  expect(await dead.close()).toBe(3);
  for (const id of ids) {
    expect(await alice.message(id)).toMatchObject({
      status: 'interrupted',
      content: WORD.repeat(5),
      error: { code: 'interrupted' },
    });
    const replay = await (await alice.follow(id)).done();
    expect(replay.events.map(({ type }) => type)).toEqual(['start', ...Array(5).fill('chunk'), 'error']);
  }
  await t.app.get(JournalCleanup).run();
  expect(await journalOf(instanceId)).toEqual([]);
});

it('is followed in pages by a process that comes late', async () => {
  const { instanceId, ids } = await deadProcess(1);
  await journal(instanceId, ids, 12);
  vi.spyOn<{ limit: number }, 'limit'>(REPLY_BOUNDS.journalPage, 'limit', 'get').mockReturnValue(1);
  const repository = t.app.get(JournalRepository);
  const read = vi.spyOn(repository, 'read');
  const sources = {
    journal: repository,
    messages: t.app.get(MessagesService),
    openReplies: t.app.get(OpenRepliesService),
  };
  const signals = t.app.get(Signals, { strict: false });
  const follower = new JournalFollower(instanceId, sources, signals, () => undefined);
  const reply = replyRef(await sources.messages.header('alice', ids[0]));
  const shown: number[] = [];
  const listener = (events: LoggedEvent[]) => void shown.push(...events.map(({ sequence }) => sequence));
  const following = follower.read(reply, 0, listener, AbortSignal.timeout(20_000));
  await vi.waitFor(async () => {
    await follower.poll();
    expect(shown).toEqual(Array.from({ length: 13 }, (_, index) => index + 1));
  }, 20_000);
  follower.stop();
  await following;
  const pages = await Promise.all(read.mock.results.map(({ value }) => value as Promise<JournalBatch[]>));
  expect(Math.max(...pages.map(({ length }) => length))).toBe(1);
  expect(pages.length).toBeGreaterThan(12);
  vi.restoreAllMocks();
  expect(await dead.close()).toBe(1);
});

it('goes on from the checkpoint, with which the journal may overlap', async () => {
  const { instanceId, ids } = await deadProcess(2);
  await journal(instanceId, ids, 6);
  const content = new ReplyContent();
  for (let n = 0; n < 4; n++) content.add({ type: 'text', text: WORD });
  const [messageId] = ids;
  const { conversation_id: conversationId } = await alice.message(messageId);
  const writer = { userId: 'alice', conversationId, messageId, instanceId };
  expect(await t.app.get(OpenRepliesService).checkpoint(writer, 3, content)).toBe(true);
  expect(await dead.close()).toBe(2);
  for (const id of ids) expect((await alice.message(id)).content).toBe(WORD.repeat(6));
});

it('leaves out what follows a batch that could not be stored, or cannot be read', async () => {
  const { instanceId, ids } = await deadProcess(2);
  await journal(instanceId, ids, 6);
  await sql('DELETE FROM reply_journal WHERE instance_id = $1 AND batch = 4', [instanceId]);
  const broken = await deadProcess(1);
  await journal(broken.instanceId, broken.ids, 3);
  await sql(`UPDATE reply_journal SET payload = '[[' WHERE instance_id = $1 AND batch = 2`, [
    broken.instanceId,
  ]);
  expect(await dead.close()).toBe(3);
  for (const id of ids) expect((await alice.message(id)).content).toBe(WORD.repeat(3));
  expect((await alice.message(broken.ids[0])).content).toBe(WORD);
});

it('reads a journal in pages, from the first batch that is needed', async () => {
  const { instanceId, ids } = await deadProcess(1);
  const large = 'x'.repeat(REPLY_BOUNDS.journalPage.limit / 4);
  await journal(instanceId, ids, 20, () => [large]);
  const read = vi.spyOn(t.app.get(JournalRepository), 'read');
  expect(await dead.close()).toBe(1);
  const pages = await Promise.all(read.mock.results.map(({ value }) => value as Promise<JournalBatch[]>));
  expect(Math.max(...pages.map(({ length }) => length))).toBeLessThanOrEqual(5);
  expect(pages.flat()).toHaveLength(20);
  expect((await alice.message(ids[0])).content).toHaveLength(20 * large.length);
});

it('holds no more text in memory than it may', async () => {
  vi.spyOn<{ limit: number }, 'limit'>(REPLY_BOUNDS.recoveredText, 'limit', 'get').mockReturnValue(1_200_000);
  const { instanceId, ids } = await deadProcess(4);
  const large = 'x'.repeat(100_000);
  await journal(instanceId, ids, 5, () => [large]);
  const kept = vi.spyOn(t.app.get(OpenRepliesService), 'keepRecovered');
  expect(await dead.close()).toBe(4);
  expect(kept).toHaveBeenCalled();
  for (const id of ids) {
    const [row] = await sql<{ length: number }>(
      `SELECT length(parts->0->>'text') AS length FROM messages WHERE id = $1`,
      [id],
    );
    expect(row.length).toBe(5 * large.length);
  }
});

it('closes all others where the text of one cannot be put aside, and that one later, whole', async () => {
  vi.spyOn<{ limit: number }, 'limit'>(REPLY_BOUNDS.recoveredText, 'limit', 'get').mockReturnValue(1_200_000);
  const { instanceId, ids } = await deadProcess(4);
  const large = 'x'.repeat(100_000);
  await journal(instanceId, ids, 5, () => [large]);
  const openReplies = t.app.get(OpenRepliesService);
  const keep = openReplies.keepRecovered.bind(openReplies);
  let failing: string | undefined;
  const kept = vi.spyOn(openReplies, 'keepRecovered').mockImplementation((writer, ...rest) => {
    failing ??= writer.messageId;
    if (writer.messageId === failing) throw Object.assign(new Error('no'), { code: '53100' });
    return keep(writer, ...rest);
  });
  // The embedded database knows that nobody else is at it, so that the last one follows at once.
  expect(await dead.close()).toBeGreaterThanOrEqual(3);
  expect(failing).toBeDefined();
  kept.mockRestore();
  const limit = performance.now() + 15_000;
  vi.spyOn(performance, 'now').mockReturnValue(limit);
  await dead.close();
  for (const id of ids) expect((await alice.message(id)).content).toHaveLength(5 * large.length);
});

it('closes all others where one cannot be closed, and that one later', async () => {
  const { instanceId, ids } = await deadProcess(3);
  await journal(instanceId, ids, 2);
  const messages = t.app.get(MessagesService);
  const finish = messages.finishReply.bind(messages);
  const failing = vi.spyOn(messages, 'finishReply');
  failing.mockImplementation((writer, ...rest) => {
    if (writer.messageId === ids[0]) throw Object.assign(new Error('no'), { code: '53100' });
    return finish(writer, ...rest);
  });
  expect(await dead.close()).toBe(2);
  await t.app.get(JournalCleanup).run();
  expect(await journalOf(instanceId)).not.toEqual([]);
  failing.mockRestore();
  // Where other processes may be at it, they are given time.
  const limit = performance.now() + 15_000;
  vi.spyOn(performance, 'now').mockReturnValue(limit);
  await dead.close();
  expect((await alice.message(ids[0])).content).toBe(WORD.repeat(2));
});

it('does no harm twice at once', async () => {
  const { instanceId, ids } = await deadProcess(5);
  await journal(instanceId, ids, 10);
  await Promise.all([dead.close(), dead.close()]);
  for (const id of ids) expect((await alice.message(id)).content).toBe(WORD.repeat(10));
});
