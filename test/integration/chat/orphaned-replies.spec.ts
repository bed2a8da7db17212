import { DataSource } from 'typeorm';
import { OrphanedReplies } from '../../../src/replies/lifecycle/orphaned-replies';
import { ReplyFinalizer } from '../../../src/replies/produce/reply-finalizer';
import { ActiveReplies } from '../../../src/replies/produce/active-replies';
import { REPLY_BOUNDS } from '../../../src/config/bounds';
import type { AppConfig } from '../../../src/config/app-config';
import { InstanceService } from '../../../src/instances/instance.service';
import { OpenRepliesService } from '../../../src/messages/open-replies.service';
import { TransactionRunner } from '../../../src/database/transaction-runner';
import { TurnsService } from '../../../src/messages/turns.service';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { useChatApp } from '../../support/use-chat-app';

const request = {
  userId: 'alice',
  contextTokens: 100,
  maxOutputTokens: 100,
  content: 'Hi',
  tokens: 1,
  model: 'test-model',
  provider: 'openai',
};

const t = useChatApp({}, { own: 'breaks its replies' });
const { model } = t;
const alice = t.client('alice');

/** A process that sees such a reply may close it at once. */
const hasty = () =>
  vi.spyOn<{ limit: number }, 'limit'>(REPLY_BOUNDS.orphanSeenMs, 'limit', 'get').mockReturnValue(0);
beforeEach(() => void hasty());
afterEach(() => void vi.restoreAllMocks());

const age = (id: string) =>
  t.app
    .get(DataSource)
    .query(`UPDATE messages SET updated_at = now() - interval '1 minute' WHERE id = $1`, [id]);

it('closes a reply whose turn was stored although the answer of the database was lost', async () => {
  const { id } = await alice.conversation();
  const turns = t.app.get(TurnsService);
  const { messageId } = await turns.open({ ...request, position: await turns.resolveParent('alice', id) });
  expect(await t.app.get(OrphanedReplies).close()).toBe(0);
  await age(messageId);
  expect(await t.app.get(OrphanedReplies).close()).toBe(1);
  expect(await alice.message(messageId)).toMatchObject({
    status: 'interrupted',
    error: { code: 'interrupted' },
  });
  expect((await alice.say(id, 'Again')).message.status).toBe('completed');
});

it('leaves time for a repetition of the request, from when it is first seen: while the database was away there could be none', async () => {
  vi.restoreAllMocks();
  const { id } = await alice.conversation();
  const turns = t.app.get(TurnsService);
  const { messageId } = await turns.open({ ...request, position: await turns.resolveParent('alice', id) });
  await age(messageId);
  const orphans = t.app.get(OrphanedReplies);
  expect([await orphans.close(), await orphans.close()]).toEqual([0, 0]);
  expect((await alice.message(messageId)).status).toBe('streaming');
  const now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now + REPLY_BOUNDS.orphanSeenMs.limit);
  expect(await orphans.close()).toBe(1);
});

it('leaves a reply alone that runs, however long', async () => {
  const { id } = await alice.conversation();
  const gate = hold();
  model.script(reply(['One', gate, ' two']));
  const running = await (await alice.stream(id, 'Hi')).count(2);
  await age(running.messageId);
  expect(await t.app.get(OrphanedReplies).close()).toBe(0);
  gate.release();
  expect((await running.done()).end.full_text).toBe('One two');
});

it('waits for as long as the database may take to answer', async () => {
  const { id } = await alice.conversation();
  const turns = t.app.get(TurnsService);
  const { messageId } = await turns.open({ ...request, position: await turns.resolveParent('alice', id) });
  await age(messageId);
  const patient = new OrphanedReplies(
    t.app.get(OpenRepliesService),
    t.app.get(InstanceService),
    t.app.get(ActiveReplies),
    t.app.get(ReplyFinalizer),
    { database: { statementTimeoutMs: 60_000 } } as AppConfig,
  );
  expect(await patient.close()).toBe(0);
  expect(await t.app.get(OrphanedReplies).close()).toBe(1);
});

it('produces a reply whose COMMIT lost its answer once its request is repeated', async () => {
  const { id } = await alice.conversation();
  const db = t.app.get(TransactionRunner);
  const run = db.run.bind(db);
  const lossy = vi.spyOn(db, 'run').mockImplementationOnce(async (work) => {
    await run(work);
    throw new Error('Connection terminated unexpectedly');
  });
  model.script(reply(['One', ' two']));
  const key = { 'idempotency-key': 'lost-answer' };
  const lost = await (await alice.stream(id, 'Hi', key)).done();
  expect(lossy).toHaveBeenCalled();
  expect(lost.status).toBe(503);
  const first = await (await alice.stream(id, 'Hi', key)).done();
  expect(first.end.full_text).toBe('One two');
  const again = await (await alice.stream(id, 'Hi', key)).done();
  expect(again.ids).toEqual(first.ids);
});
