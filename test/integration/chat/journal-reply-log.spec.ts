import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { REPLY_BOUNDS } from '../../../src/config/bounds';
import type { TransactionRunner } from '../../../src/database/transaction-runner';
import { InstancesRepository } from '../../../src/instances/instances.repository';
import { ReplyContent } from '../../../src/messages/content/reply-content';
import type { LoggedEvent } from '../../../src/replies/events/event-codec';
import type { ReplyEvent, StartEvent } from '../../../src/replies/events/reply-event.dto';
import { decodePayload } from '../../../src/replies/log/journal/journal-payload';
import { JournalRepository } from '../../../src/replies/log/journal/journal.repository';
import type { ReplyLog } from '../../../src/replies/log/reply-log';
import { LogProcesses, type LogProcess } from '../../support/log-processes';
import { replyLogContract } from '../../support/reply-log-contract';

const REPLY = '019a5b1c-7f00-7000-8000-00000000000a';
const START: StartEvent = {
  type: 'start',
  data: { conversation_id: '', message_id: REPLY, user_message_id: '', model: 'm' },
};
const refOf = (messageId: string) => ({ userId: 'alice', conversationId: '', messageId });
const chunk = (content: string): ReplyEvent => ({ type: 'chunk', data: { content } });

describe('JournalReplyLog', () => {
  let processes: LogProcesses;
  let db: TransactionRunner;
  let journal: JournalRepository;

  beforeAll(async () => {
    processes = await LogProcesses.create();
    ({ db } = processes);
    journal = new JournalRepository(db);
  });
  afterEach(() => processes.endAll());
  afterAll(() => processes.close());

  const create = (repository?: JournalRepository): Promise<LogProcess> => processes.start(repository);

  /** Opens a reply of which nothing is stored but its events. */
  function open(log: ReplyLog, messageId: string, instanceId: string): void {
    log.open({ ...refOf(messageId), instanceId }, START, new ReplyContent());
  }

  replyLogContract(() => processes);

  it('shows nothing that the journal does not hold yet', async () => {
    const gate = Promise.withResolvers<void>();
    const slow = new JournalRepository(db);
    slow.append = async (...batch) => {
      await gate.promise;
      return journal.append(...batch);
    };
    const { log, instance } = await create(slow);
    open(log, REPLY, instance.id);
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
    ids.forEach((id) => open(log, id, instance.id));
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
    open(log, REPLY, instance.id);
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
    open(log, REPLY, instance.id);
    await log.append(REPLY, [chunk('before')]);
    await log.flush(REPLY);
    const shown = follow(log);
    await new InstancesRepository(db).remove(instance.id);
    await log.append(REPLY, [chunk('after')]);
    await log.flush(REPLY);
    await expect(log.append(REPLY, [chunk('later')])).rejects.toMatchObject({ code: 'lease_lost' });
    expect(shown.map((event) => event.sequence)).toEqual([1, 2]);
    // What was stored before stays for whoever recovers it; nothing is added.
    expect(await journal.read(instance.id, 0)).toHaveLength(1);
  });

  it('neither stores nor shows a reply that was opened before others took the process for dead', async () => {
    const { log } = await create();
    open(log, REPLY, '019a5b1c-7f00-7000-8000-00000000000b');
    await expect(log.append(REPLY, [chunk('late')])).rejects.toMatchObject({ code: 'lease_lost' });
  });

  it('shows what it could not take any more with the end, as the message holds it', async () => {
    const { log } = await create();
    open(log, REPLY, '019a5b1c-7f00-7000-8000-00000000000b');
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
    open(log, REPLY, instance.id);
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
    open(log, REPLY, instance.id);
    const large = chunk('x'.repeat(REPLY_BOUNDS.pendingCharacters.limit / 4));
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
    const large = chunk('x'.repeat(REPLY_BOUNDS.pendingCharacters.limit / 2));
    const count = (2 * REPLY_BOUNDS.pendingCharactersOfAll.limit) / REPLY_BOUNDS.pendingCharacters.limit;
    const ids = Array.from({ length: count + 1 }, () => randomUUID());
    ids.forEach((id) => open(log, id, instance.id));
    const waits = ids.map((id) => log.append(id, [large]));
    expect(waits[0]).toBeUndefined();
    expect(waits[count]).toBeInstanceOf(Promise);
    gate.resolve();
    await Promise.all(ids.map((id) => log.flush(id)));
  });

  it('begins a further batch where one has become large', async () => {
    const { log, instance } = await create();
    const ids = Array.from({ length: 10 }, () => randomUUID());
    ids.forEach((id) => open(log, id, instance.id));
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

  function follow(log: ReplyLog): LoggedEvent[] {
    const shown: LoggedEvent[] = [];
    void log.read(refOf(REPLY), 0, (batch) => void shown.push(...batch), new AbortController().signal);
    return shown;
  }
});
