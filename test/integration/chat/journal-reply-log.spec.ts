import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AppConfig } from '../../../src/config/app-config';
import { JournalEntity } from '../../../src/replies/log/journal/journal.entity';
import { decodePayload } from '../../../src/replies/log/journal/journal-payload';
import { JournalReplyLog } from '../../../src/replies/log/journal/journal-reply-log';
import { JournalRepository } from '../../../src/replies/log/journal/journal.repository';
import { JournalWriter } from '../../../src/replies/log/journal/journal-writer';
import type { LoggedEvent } from '../../../src/replies/events/event-codec';
import type { ReplyEvent } from '../../../src/replies/events/reply-event.dto';
import { REPLY_BOUNDS } from '../../../src/config/bounds';
import type { DatabaseState } from '../../../src/database/database-state';
import type { TransactionRunner } from '../../../src/database/transaction-runner';
import { InstanceEntity } from '../../../src/instances/instance.entity';
import { InstanceService } from '../../../src/instances/instance.service';
import { InstancesRepository } from '../../../src/instances/instances.repository';
import { JournalFollowers } from '../../../src/replies/log/journal/journal-followers';
import { Recovery } from '../../../src/replies/log/journal/recovery';
import { CheckpointWriter } from '../../../src/replies/log/journal/checkpoint-writer';
import { ConversationEntity } from '../../../src/conversations/conversation.entity';
import type { MessagesService } from '../../../src/messages/messages.service';
import { OpenRepliesRepository } from '../../../src/messages/open-replies.repository';
import { OpenRepliesService } from '../../../src/messages/open-replies.service';
import { OpenReplyEntity } from '../../../src/messages/open-reply.entity';
import { ReplyContent } from '../../../src/messages/reply-content';
import { MessageEntity } from '../../../src/messages/message.entity';
import { UserEntity } from '../../../src/users/user.entity';
import { replyLogContract, START } from '../../support/reply-log-contract';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';

const ENTITIES = [
  UserEntity,
  ConversationEntity,
  MessageEntity,
  OpenReplyEntity,
  InstanceEntity,
  JournalEntity,
];
const READY = {
  ready: true,
  exclusive: false,
  whenReady: () => Promise.resolve(),
} as unknown as DatabaseState;
const CONFIG = { chat: { durability: 'standard' } } as AppConfig;
const REPLY = '019a5b1c-7f00-7000-8000-00000000000a';
const opening = (instanceId: string) => ({
  userId: 'alice',
  instanceId,
  start: START,
  content: new ReplyContent(),
});
/** Replies of other processes are none of these tests. */
const messages = {} as MessagesService;
const chunk = (content: string): ReplyEvent => ({ type: 'chunk', data: { content } });

describe('JournalReplyLog', () => {
  let database: TestDatabase;
  let db: TransactionRunner;
  let journal: JournalRepository;
  let instances: InstancesRepository;
  const opened: { instance: InstanceService; writer: JournalWriter; checkpoints: CheckpointWriter }[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    ({ db } = await database.connect(ENTITIES));
    journal = new JournalRepository(db);
    instances = new InstancesRepository(db);
  });
  afterEach(async () => {
    for (const { instance, writer, checkpoints } of opened.splice(0)) {
      writer.onModuleDestroy();
      checkpoints.onModuleDestroy();
      await instance.leave();
    }
  });
  afterAll(() => database.close());

  async function create(repository = journal) {
    const instance = new InstanceService(instances, READY);
    await instance.onApplicationBootstrap();
    const writer = new JournalWriter(repository, instance, READY, CONFIG);
    const openReplies = new OpenRepliesService(new OpenRepliesRepository(db));
    const checkpoints = new CheckpointWriter(openReplies, writer);
    const followers = new JournalFollowers(repository, messages, openReplies, instance);
    const recovery = new Recovery(instance, repository, messages, openReplies, READY);
    opened.push({ instance, writer, checkpoints });
    return { log: new JournalReplyLog(writer, checkpoints, instance, followers, recovery), instance, writer };
  }

  replyLogContract(async () => {
    const { log, instance } = await create();
    return { log, instanceId: instance.id };
  });

  it('shows nothing that the journal does not hold yet', async () => {
    const gate = Promise.withResolvers<void>();
    const slow = new JournalRepository(db);
    slow.append = async (...batch) => {
      await gate.promise;
      return journal.append(...batch);
    };
    const { log, instance } = await create(slow);
    log.open(REPLY, opening(instance.id));
    const shown = follow(log);
    await log.append(REPLY, [chunk('secret')]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(shown).toHaveLength(1);
    gate.resolve();
    await log.flush(REPLY);
    await vi.waitFor(() => expect(shown).toHaveLength(2), 20_000);
    const [batch] = await journal.read(instance.id, 0);
    expect(decodePayload(batch.payload)).toEqual([
      { messageId: REPLY, sequence: 1, events: [START, chunk('secret')] },
    ]);
  });

  it('stores what many replies append in one turn of the event loop in one batch', async () => {
    const { log, instance } = await create();
    const ids = Array.from({ length: 20 }, (_, n) => `019a5b1c-7f00-7000-8000-0000000000${n + 10}`);
    ids.forEach((id) => log.open(id, opening(instance.id)));
    for (let n = 0; n < 10; n++) ids.forEach((id) => void log.append(id, [chunk(`${n}`)]));
    await Promise.all(ids.map((id) => log.flush(id)));
    const batches = await journal.read(instance.id, 0);
    expect(batches.length).toBe(1);
    const events = batches
      .flatMap(({ payload }) => decodePayload(payload))
      .filter((run) => run.messageId === ids[7]);
    expect(events.map(({ sequence, events: { length } }) => [sequence, length])).toEqual([[1, 11]]);
  });

  it('stores what is appended while a batch is underway in one further batch', async () => {
    const { log, instance } = await create();
    log.open(REPLY, opening(instance.id));
    await log.append(REPLY, [chunk('a')]);
    await nextTurn();
    for (const text of ['b', 'c', 'd']) await log.append(REPLY, [chunk(text)]);
    await log.flush(REPLY);
    const batches = await journal.read(instance.id, 0);
    const runs = batches.flatMap(({ payload }) => decodePayload(payload));
    expect(runs.map(({ sequence, events: { length } }) => [sequence, length])).toEqual([
      [1, 2],
      [3, 3],
    ]);
  });

  it('stores and shows nothing more once others have taken the process for dead', async () => {
    const { log, instance } = await create();
    log.open(REPLY, opening(instance.id));
    await log.append(REPLY, [chunk('before')]);
    await log.flush(REPLY);
    const shown = follow(log);
    await instances.remove(instance.id);
    await log.append(REPLY, [chunk('after')]);
    await log.flush(REPLY);
    await expect(log.append(REPLY, [chunk('later')])).rejects.toMatchObject({ code: 'lease_lost' });
    expect(shown.map((event) => event.sequence)).toEqual([1, 2]);
    // What was stored before stays for whoever recovers it; nothing is added.
    expect(await journal.read(instance.id, 0)).toHaveLength(1);
  });

  it('neither stores nor shows a reply that was opened before others took the process for dead', async () => {
    const { log } = await create();
    log.open(REPLY, opening('019a5b1c-7f00-7000-8000-00000000000b'));
    await expect(log.append(REPLY, [chunk('late')])).rejects.toMatchObject({ code: 'lease_lost' });
  });

  it('shows what it could not take any more with the end, as the message holds it', async () => {
    const { log } = await create();
    log.open(REPLY, opening('019a5b1c-7f00-7000-8000-00000000000b'));
    const shown = follow(log);
    await log.append(REPLY, [chunk('late')])?.catch(() => undefined);
    log.complete(REPLY, {
      type: 'error',
      data: { code: 'storage_unavailable', message: '…', retryable: true },
    });
    await vi.waitFor(() => expect(shown.map((event) => event.sequence)).toEqual([1, 2, 3]), 20_000);
    expect(JSON.parse(shown[1].json)).toEqual(chunk('late'));
  });

  it('tries again when the journal cannot be written, and loses and doubles nothing', async () => {
    const flaky = new JournalRepository(db);
    let failures = 0;
    flaky.append = async (...batch) => {
      if (failures++ < 2) throw Object.assign(new Error('connection lost'), { code: 'ECONNRESET' });
      // The answer to this one is lost: it is stored, and tried once more.
      const stored = await journal.append(...batch);
      if (failures === 3) throw Object.assign(new Error('connection lost'), { code: 'ECONNRESET' });
      return stored;
    };
    const { log, instance } = await create(flaky);
    log.open(REPLY, opening(instance.id));
    const shown = follow(log);
    await log.append(REPLY, [chunk('a')]);
    await log.flush(REPLY);
    await vi.waitFor(() => expect(shown.map((event) => event.sequence)).toEqual([1, 2]), 20_000);
    expect(await journal.read(instance.id, 0)).toHaveLength(1);
  });

  it('asks its producer to wait while too much text of a reply is not stored', async () => {
    const gate = Promise.withResolvers<void>();
    const slow = new JournalRepository(db);
    slow.append = async (...batch) => {
      await gate.promise;
      return journal.append(...batch);
    };
    const { log, instance } = await create(slow);
    log.open(REPLY, opening(instance.id));
    const large = chunk('x'.repeat(REPLY_BOUNDS.charactersUnderway.limit / 4));
    const waits = Array.from({ length: 5 }, () => log.append(REPLY, [large]));
    expect(waits.map((wait) => wait !== undefined)).toEqual([false, false, false, true, true]);
    gate.resolve();
    await waits[4];
    expect(log.append(REPLY, [chunk('small')])).toBeUndefined();
    await log.flush(REPLY);
  });

  it('asks every producer to wait while too much of all replies is not stored', async () => {
    const gate = Promise.withResolvers<void>();
    const slow = new JournalRepository(db);
    slow.append = async () => {
      await gate.promise;
      return true;
    };
    const { log, instance } = await create(slow);
    const large = chunk('x'.repeat(REPLY_BOUNDS.charactersUnderway.limit / 2));
    const count = (2 * REPLY_BOUNDS.charactersUnderwayOfAll.limit) / REPLY_BOUNDS.charactersUnderway.limit;
    const ids = Array.from({ length: count + 1 }, () => randomUUID());
    ids.forEach((id) => log.open(id, opening(instance.id)));
    const waits = ids.map((id) => log.append(id, [large]));
    expect(waits[0]).toBeUndefined();
    expect(waits[count]).toBeInstanceOf(Promise);
    gate.resolve();
    await Promise.all(ids.map((id) => log.flush(id)));
  });

  it('begins a further batch where one has become large', async () => {
    const { log, instance } = await create();
    const ids = Array.from({ length: 10 }, () => randomUUID());
    ids.forEach((id) => log.open(id, opening(instance.id)));
    const large = chunk('x'.repeat(REPLY_BOUNDS.journalBatch.limit / 4));
    for (const id of ids) void log.append(id, [large]);
    await Promise.all(ids.map((id) => log.flush(id)));
    const rows: { batch: number; length: number }[] = await db.query(
      'SELECT batch, length(payload) AS length FROM reply_journal WHERE instance_id = $1 AND batch > 0 ORDER BY batch',
      [instance.id],
    );
    expect(rows.map(({ batch }) => batch)).toEqual([1, 2, 3]);
    expect(Math.max(...rows.map(({ length }) => length))).toBeLessThan(2 * REPLY_BOUNDS.journalBatch.limit);
  });

  function follow(log: JournalReplyLog): LoggedEvent[] {
    const shown: LoggedEvent[] = [];
    void log.read(REPLY, 0, (batch) => void shown.push(...batch), new AbortController().signal);
    return shown;
  }
});
