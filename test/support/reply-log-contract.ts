import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { ErrorEvent, ReplyEvent, StartEvent } from '../../src/replies/events/reply-event.dto';
import type { LoggedEvent } from '../../src/replies/events/event-codec';
import type { ReadEnd, RecoveredReply, ReplyLog } from '../../src/replies/log/reply-log';
import type { ReplyRef, WrittenReply } from '../../src/messages/message.types';
import { ReplyContent } from '../../src/messages/content/reply-content';

/** A process, as the contract sees it. */
export interface ContractProcess {
  log: ReplyLog;
  instance: { takeOver(instanceId: string): Promise<boolean> };
  instanceId: string;
  finalizer: { finalizeRecovered(reply: RecoveredReply): Promise<boolean> };
  store(): Promise<{ reply: WrittenReply; start: StartEvent }>;
  finish(reply: WrittenReply, content: ReplyContent): Promise<ReplyEvent>;
  holdBack(): () => void;
}

/** Processes of an implementation on one database (`LogProcesses`). */
export interface ContractCluster<Process extends ContractProcess> {
  start(): Promise<Process>;
  expire(process: Process): Promise<void>;
  removeConversation(stored: { reply: WrittenReply; start: StartEvent }): Promise<void>;
}

const UNAVAILABLE: ErrorEvent = {
  type: 'error',
  data: { code: 'storage_unavailable', message: '…', retryable: true },
};
const chunk = (content: string): ReplyEvent => ({ type: 'chunk', data: { content } });
const never = new AbortController().signal;
const ignore = () => undefined;

const sequences = (events: LoggedEvent[]) => events.map((event) => event.sequence);
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, n) => first + n);
const json = (events: LoggedEvent[]) => events.map((event) => event.json);

/** A reply, from the side of the process that produces it. */
class Produced {
  readonly content = new ReplyContent();

  private constructor(
    readonly process: ContractProcess,
    readonly stored: { reply: WrittenReply; start: StartEvent },
  ) {}

  /** Stores and opens a reply. */
  static async open(process: ContractProcess): Promise<Produced> {
    const produced = new Produced(process, await process.store());
    process.log.open(produced.stored.reply, produced.stored.start, produced.content);
    return produced;
  }

  get ref(): ReplyRef {
    const { userId, conversationId, messageId } = this.stored.reply;
    return { userId, conversationId, messageId };
  }

  append(...texts: string[]): Promise<void> | undefined {
    for (const text of texts) this.content.add({ type: 'text', text });
    return this.process.log.append(this.ref.messageId, texts.map(chunk));
  }

  flush(): Promise<void> {
    return this.process.log.flush(this.ref.messageId);
  }

  /** Stores the message and ends the log, as `ReplyFinalizer` does. */
  async complete(): Promise<void> {
    await this.flush();
    const terminal = await this.process.finish(this.stored.reply, this.content);
    this.process.log.complete(this.ref.messageId, terminal);
  }

  /** Sequence of its terminal event. */
  get last(): number {
    return this.content.eventCount + 2;
  }
}

/** A reader in one process, and what it has been shown. */
class Reader {
  readonly events: LoggedEvent[] = [];
  readonly ended: Promise<ReadEnd>;
  private readonly abort = new AbortController();

  constructor(process: ContractProcess, ref: ReplyRef, after = 0) {
    const listener = (batch: LoggedEvent[]) => void this.events.push(...batch);
    this.ended = process.log.read(ref, after, listener, this.abort.signal);
  }

  get sequences(): number[] {
    return sequences(this.events);
  }

  async shown(count: number): Promise<void> {
    await vi.waitFor(() => expect(this.events.length).toBeGreaterThanOrEqual(count), 50_000);
  }

  leave(): void {
    this.abort.abort();
  }
}

async function recovered(log: ReplyLog, instanceId: string): Promise<RecoveredReply[]> {
  const replies: RecoveredReply[] = [];
  for await (const reply of log.recover(instanceId)) replies.push(reply);
  return replies;
}

const textOf = ({ content }: RecoveredReply) => content.parts.map(({ text }) => text).join('');

/** What every implementation of `ReplyLog` keeps to, in one process and in several. */
export function replyLogContract<Process extends ContractProcess>(
  cluster: () => ContractCluster<Process>,
): void {
  const start = () => cluster().start();

  describe('in one process', () => {
    let log: ReplyLog;
    let here: Process;
    let reply: Produced;

    beforeEach(async () => {
      here = await start();
      ({ log } = here);
      reply = await Produced.open(here);
    });

    const collect = (after: number) => new Reader(here, reply.ref, after);

    it('numbers events from 1 without gaps and ends every reader after the terminal one', async () => {
      const reader = collect(0);
      await reply.append('a', 'b');
      await reply.complete();
      expect(await reader.ended).toBe('terminal');
      expect(reader.sequences).toEqual([1, 2, 3, 4]);
      expect(reader.events.map((event) => event.terminal)).toEqual([false, false, false, true]);
      expect([reader.events[0], reader.events[2]].map((event) => JSON.parse(event.json))).toEqual([
        reply.stored.start,
        chunk('b'),
      ]);
    });

    it('gives each reader what comes after its place, whenever it joins', async () => {
      await reply.append('a', 'b', 'c');
      const readers = [1, 2, 3, 4, 6].map(collect);
      await nextTurn();
      await reply.append('d', 'e');
      await reply.complete();
      await Promise.all(readers.map(({ ended }) => ended));
      expect(readers.map((reader) => reader.sequences)).toEqual([
        [2, 3, 4, 5, 6, 7],
        [3, 4, 5, 6, 7],
        [4, 5, 6, 7],
        [5, 6, 7],
        [7],
      ]);
    });

    it('ends a reader that starts after the last event with the log, and gives it none', async () => {
      const reader = collect(Number.MAX_SAFE_INTEGER);
      await reply.append('a');
      await reply.complete();
      expect([await reader.ended, reader.events]).toEqual(['terminal', []]);
    });

    it('keeps the order of many appends that nobody waits for', async () => {
      const reader = collect(0);
      for (let n = 1; n <= 500; n++) void reply.append(String(n));
      await reply.complete();
      await reader.ended;
      expect(reader.sequences).toEqual(upTo(502));
      expect(JSON.parse(reader.events[500].json)).toEqual(chunk('500'));
    });

    it('gives readers that come late or are slow what all others were shown', async () => {
      const texts = Array.from({ length: 700 }, (_, index) => `${index} ü"`);
      const along = collect(0);
      const slow: LoggedEvent[] = [];
      const slowly = async (batch: LoggedEvent[]) => {
        await nextTurn();
        slow.push(...batch);
      };
      const reading = log.read(reply.ref, 0, slowly, never);
      for (const text of texts) void reply.append(text);
      await reply.flush();
      const places = [0, 1, 2, 350, 690, 701];
      const late = places.map(collect);
      await nextTurn();
      await reply.complete();
      await Promise.all([reading, along.ended, ...late.map(({ ended }) => ended)]);
      expect(along.events).toHaveLength(702);
      expect(slow).toEqual(along.events);
      expect(late.map(({ events }) => events)).toEqual(places.map((after) => along.events.slice(after)));
    });

    it('gives readers the very same bytes', async () => {
      const first = collect(0);
      await reply.append('ü\u2028"');
      const second = collect(0);
      await reply.complete();
      await Promise.all([first.ended, second.ended]);
      expect(first.events).toEqual(second.events);
    });

    it('lets a reader go when its signal says so, and goes on', async () => {
      const leaving = collect(0);
      const staying = collect(0);
      await reply.append('a');
      await reply.flush();
      await nextTurn();
      leaving.leave();
      expect(await leaving.ended).toBe('aborted');
      expect(leaving.sequences).toEqual([1, 2]);
      await reply.complete();
      await staying.ended;
      expect(staying.sequences).toEqual([1, 2, 3]);
    });

    it('keeps a place for a reader that takes its time', async () => {
      const batches: number[][] = [];
      const takes: PromiseWithResolvers<void>[] = [];
      const take = (batch: LoggedEvent[]) => {
        batches.push(sequences(batch));
        takes.push(Promise.withResolvers<void>());
        return takes[takes.length - 1].promise;
      };
      const reading = log.read(reply.ref, 0, take, never);
      await reply.append('a');
      await reply.append('b');
      await reply.complete();
      await nextTurn();
      expect(batches).toEqual([[1]]);
      takes[0].resolve();
      await nextTurn();
      expect(batches).toEqual([[1], [2, 3, 4]]);
      takes[1].resolve();
      await reading;
    });

    it('lets a reader go that cannot take more, and nobody else', async () => {
      const fail = () => Promise.reject(new Error('full'));
      const raise = () => {
        throw new Error('full');
      };
      const failing = [fail, raise].map((listener) => log.read(reply.ref, 0, listener, never));
      const staying = collect(0);
      for (const reading of failing) await expect(reading).rejects.toThrow('full');
      await reply.append('a');
      await reply.complete();
      await staying.ended;
      expect(staying.sequences).toEqual([1, 2, 3]);
    });

    it('shows nothing that is not durable', async () => {
      const letGo = here.holdBack();
      const reader = collect(0);
      await reply.append('secret');
      await sleep(50);
      expect(reader.sequences).toEqual([1]);
      letGo();
      await reply.flush();
      await reader.shown(2);
      expect(reader.sequences).toEqual([1, 2]);
    });

    it('repeats the last id for an error that is not the end of the reply, so that a reader can go on there', async () => {
      const reader = collect(0);
      await reply.append('a', 'b');
      await reply.flush();
      log.detach(reply.ref.messageId, UNAVAILABLE);
      expect(await reader.ended).toBe('see-message');
      expect(reader.sequences).toEqual([1, 2, 3, 3]);
      expect(reader.events[3].terminal).toBe(true);
      expect(await log.read(reply.ref, 0, ignore, never)).toBe('see-message');
    });

    it('sends readers of a reply that others have closed to its message', async () => {
      const reader = collect(0);
      await reply.append('a');
      await reply.flush();
      log.detach(reply.ref.messageId);
      expect(await reader.ended).toBe('see-message');
      expect(reader.sequences).toEqual([1, 2]);
      expect(await log.read(reply.ref, 0, ignore, never)).toBe('see-message');
    });

    it('forgets a reply with its terminal event, and does not know one that is not open', async () => {
      await reply.complete();
      expect(await log.read(reply.ref, 0, ignore, never)).toBe('see-message');
      const unknown = { ...reply.ref, messageId: '019a5b1c-7f00-7000-8000-000000000002' };
      expect(await log.read(unknown, 0, ignore, never)).toBe('see-message');
    });

    it('does not know a reply that it has stored and not opened', async () => {
      const { reply: stored } = await here.store();
      expect(await log.read(stored, 0, ignore, never)).toBe('see-message');
    });
  });

  describe('in two processes', () => {
    let writer: Process;
    let elsewhere: Process;
    let reply: Produced;

    beforeEach(async () => {
      [writer, elsewhere] = [await start(), await start()];
      reply = await Produced.open(writer);
    });

    const there = (after = 0) => new Reader(elsewhere, reply.ref, after);

    it('shows readers elsewhere the same bytes, live, from any place', async () => {
      const here = new Reader(writer, reply.ref);
      const readers = [0, 1, 2, 3].map(there);
      await Promise.all([readers[0].shown(1), reply.append('a ü\u2028"', 'b')]);
      await readers[0].shown(3);
      await reply.append('c');
      await readers[0].shown(4);
      await reply.complete();
      for (const { ended } of [here, ...readers]) expect(await ended).toBe('terminal');
      expect(here.sequences).toEqual(upTo(5));
      for (const [after, { events }] of readers.entries())
        expect(json(events)).toEqual(json(here.events.slice(after)));
    });

    it('shows a reader elsewhere that joins late all that it lacks, and the rest live', async () => {
      for (let n = 0; n < 300; n++) await reply.append(`${n} `);
      await reply.flush();
      const late = there();
      await late.shown(301);
      const later = there(300);
      await later.shown(1);
      await reply.append('rest');
      await Promise.all([late.shown(302), later.shown(2)]);
      await reply.complete();
      expect([await late.ended, await later.ended]).toEqual(['terminal', 'terminal']);
      expect([late.sequences, later.sequences]).toEqual([upTo(303), upTo(303, 301)]);
    });

    it('shows nothing elsewhere that is not durable', async () => {
      const letGo = writer.holdBack();
      const reader = there();
      await reader.shown(1);
      await reply.append('secret');
      await sleep(200);
      expect(reader.sequences).toEqual([1]);
      letGo();
      await reader.shown(2);
      expect(reader.sequences).toEqual([1, 2]);
      await reply.complete();
      expect(await reader.ended).toBe('terminal');
    });

    it('shows a reader elsewhere what was completed before it was read, without gaps', async () => {
      const here = new Reader(writer, reply.ref);
      const reader = there();
      await reader.shown(1);
      for (let n = 0; n < 200; n++) void reply.append(`${n} `);
      await reply.complete();
      expect([await here.ended, await reader.ended]).toEqual(['terminal', 'terminal']);
      expect(json(reader.events)).toEqual(json(here.events));
      expect(await there().ended).toBe('see-message');
    });

    it('keeps a reader elsewhere while a reply cannot be stored, and shows it the end when it is', async () => {
      const reader = there();
      await reply.append('a');
      await reply.flush();
      await reader.shown(2);
      writer.log.detach(reply.ref.messageId, UNAVAILABLE);
      await sleep(200);
      expect(reader.sequences).toEqual([1, 2]);
      const joined = there(1);
      await joined.shown(1);
      await writer.finish(reply.stored.reply, reply.content);
      writer.log.detach(reply.ref.messageId);
      expect([await reader.ended, await joined.ended]).toEqual(['terminal', 'terminal']);
      expect([reader.sequences, joined.sequences]).toEqual([
        [1, 2, 3],
        [2, 3],
      ]);
    });

    it('tells a reader elsewhere that the reply was deleted', async () => {
      const reader = there();
      await reply.append('a');
      await reader.shown(2);
      await cluster().removeConversation(reply.stored);
      writer.log.detach(reply.ref.messageId);
      expect(await reader.ended).toBe('terminal');
      expect(reader.events.at(-1)?.event).toMatchObject({ data: { code: 'conversation_deleted' } });
      expect(await there().ended).toBe('see-message');
    });

    it('lets readers elsewhere go that leave or cannot take more, and keeps those that are slow', async () => {
      const leaving = there();
      const failing = elsewhere.log.read(reply.ref, 0, () => Promise.reject(new Error('full')), never);
      const slow: LoggedEvent[] = [];
      const reading = elsewhere.log.read(
        reply.ref,
        0,
        async (batch) => {
          await sleep(20);
          slow.push(...batch);
        },
        never,
      );
      await expect(failing).rejects.toThrow('full');
      await leaving.shown(1);
      leaving.leave();
      expect(await leaving.ended).toBe('aborted');
      for (let n = 0; n < 100; n++) await reply.append(`${n} `);
      await reply.complete();
      expect(await reading).toBe('terminal');
      expect(sequences(slow)).toEqual(upTo(reply.last));
    });

    it('sends readers to the message when the process that they are at ends', async () => {
      const reader = there();
      await reply.append('a');
      await reader.shown(2);
      elsewhere.log.close();
      expect(await reader.ended).toBe('see-message');
      expect(await there().ended).toBe('see-message');
      await reply.append('b');
      await reply.complete();
    });

    it('recovers nothing of a process that is registered, which goes on', async () => {
      const reader = there();
      await reply.append('a');
      await reply.flush();
      await cluster().expire(writer);
      expect(await recovered(elsewhere.log, writer.instanceId)).toEqual([]);
      await reply.append('b');
      await reply.complete();
      const ended = await reader.ended;
      // A look that falls into the moment in which the lease is over sends the reader to the message, where nothing is missing either.
      expect(['terminal', 'see-message']).toContain(ended);
      expect(reader.sequences).toEqual(ended === 'terminal' ? [1, 2, 3, 4] : upTo(reader.sequences.length));
    });
  });

  describe('in three processes', () => {
    let writer: Process;
    let elsewhere: Process;
    let third: Process;

    beforeEach(async () => {
      [writer, elsewhere, third] = [await start(), await start(), await start()];
    });

    /** Another process takes the writer for dead. */
    async function takeOver(): Promise<void> {
      await cluster().expire(writer);
      expect(await third.instance.takeOver(writer.instanceId)).toBe(true);
    }

    it('recovers elsewhere what was shown, and ends the readers of a process that died', async () => {
      const reply = await Produced.open(writer);
      const reader = new Reader(elsewhere, reply.ref);
      await reply.append('a', 'b');
      await reader.shown(3);
      await takeOver();
      const replies = await recovered(third.log, writer.instanceId);
      expect(replies.map(textOf)).toEqual(['ab']);
      expect(replies[0].reply).toMatchObject(reply.stored.reply);
      expect(await third.finalizer.finalizeRecovered(replies[0])).toBe(true);
      expect(await reader.ended).toBe('terminal');
      expect(reader.sequences).toEqual([1, 2, 3, 4]);
      expect(reader.events[3].event).toMatchObject({ type: 'error', data: { code: 'interrupted' } });
      expect(await recovered(third.log, writer.instanceId)).toEqual([]);
    });

    it('takes nothing more from a process once its replies are being recovered', async () => {
      const reply = await Produced.open(writer);
      const [here, there] = [writer, elsewhere].map((process) => new Reader(process, reply.ref));
      await reply.append('shown');
      await Promise.all([here.shown(2), there.shown(2)]);
      const letGo = writer.holdBack();
      await reply.append('underway');
      await takeOver();
      const recovery = third.log.recover(writer.instanceId);
      const first = await recovery.next();
      letGo();
      await reply.append('late')?.catch(() => undefined);
      await reply.flush();
      await expect(reply.append('later')).rejects.toMatchObject({ code: 'lease_lost' });
      expect(first.value && textOf(first.value)).toBe('shown');
      expect((await recovered(elsewhere.log, writer.instanceId)).map(textOf)).toEqual(['shown']);
      await third.finalizer.finalizeRecovered(first.value as RecoveredReply);
      expect(await there.ended).toBe('terminal');
      writer.log.detach(reply.ref.messageId);
      expect(await here.ended).toBe('see-message');
      expect([here.sequences, there.sequences]).toEqual([
        [1, 2],
        [1, 2, 3],
      ]);
    });

    it('recovers all that was shown while the process was still writing', async () => {
      const replies = await Promise.all(Array.from({ length: 4 }, () => Produced.open(writer)));
      const readers = replies.flatMap(({ ref }) =>
        [writer, elsewhere].map((process) => ({ id: ref.messageId, reader: new Reader(process, ref) })),
      );
      const produce = async (reply: Produced) => {
        // Until it is taken for dead.
        for (let n = 0; ; n++) {
          await reply.append(`${n} `);
          await sleep(2);
        }
      };
      const producing = Promise.allSettled(replies.map(produce));
      await Promise.all(readers.map(({ reader }) => reader.shown(20)));
      await takeOver();
      const found = await recovered(third.log, writer.instanceId);
      const outcomes = await producing;
      expect(outcomes.map(({ status }) => status)).toEqual(replies.map(() => 'rejected'));
      for (const reply of found) await third.finalizer.finalizeRecovered(reply);
      for (const { ref } of replies) writer.log.detach(ref.messageId);
      await Promise.all(readers.map(({ reader }) => reader.ended));
      expect(found).toHaveLength(replies.length);
      for (const { id, reader } of readers) {
        expect(reader.sequences).toEqual(upTo(reader.events.length));
        const text = textOf(found.find(({ reply }) => reply.messageId === id)!);
        const shown = reader.events.map(({ event }) => (event.type === 'chunk' ? event.data.content : ''));
        expect(text.startsWith(shown.join(''))).toBe(true);
      }
    });

    it('gives each reply to one of several consumers, and the same to two recoveries at once', async () => {
      const replies = await Promise.all(Array.from({ length: 10 }, () => Produced.open(writer)));
      for (const [n, reply] of replies.entries()) await reply.append(`text ${n}`);
      await Promise.all(replies.map((reply) => reply.flush()));
      await takeOver();
      const shared = third.log.recover(writer.instanceId);
      const consumed: RecoveredReply[] = [];
      const consume = async () => {
        for await (const reply of shared) consumed.push(reply);
      };
      const [, , , others] = await Promise.all([
        ...[1, 2, 3].map(consume),
        recovered(elsewhere.log, writer.instanceId),
      ]);
      const texts = replies.map((_, n) => `text ${n}`).sort();
      expect(consumed.map(textOf).sort()).toEqual(texts);
      expect((others as RecoveredReply[]).map(textOf).sort()).toEqual(texts);
      const closed = await Promise.all(
        [...consumed, ...(others as RecoveredReply[])].map((reply) =>
          third.finalizer.finalizeRecovered(reply),
        ),
      );
      expect(closed.filter(Boolean)).toHaveLength(replies.length);
    });

    it('shows every reader in every process each event once, whenever it joins', async () => {
      const processes = [writer, elsewhere, third];
      const replies = await Promise.all(
        [...processes, ...processes].map((process) => Produced.open(process)),
      );
      const readers: { reply: Produced; after: number; reader: Reader }[] = [];
      const produce = async (reply: Produced, turns: number) => {
        for (let n = 0; n < turns; n++) {
          await reply.append(...Array.from({ length: 1 + (n % 3) }, (_, k) => `${n}.${k} `));
          if (n % 10 === 0)
            for (const [index, process] of processes.entries()) {
              const after = Math.min(n * index, 40);
              readers.push({ reply, after, reader: new Reader(process, reply.ref, after) });
            }
          await sleep(n % 7);
        }
        await reply.complete();
      };
      await Promise.all(replies.map((reply, index) => produce(reply, 30 + 10 * index)));
      for (const { reply, after, reader } of readers) {
        expect(await reader.ended).toBe('terminal');
        expect(reader.sequences).toEqual(upTo(reply.last, after + 1));
      }
    });
  });
}
