import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LoggedEvent } from '../../src/replies/events/event-codec';
import type { ReplyEvent, StartEvent } from '../../src/replies/events/reply-event.dto';
import type { ReplyLog } from '../../src/replies/log/reply-log';
import { ReplyContent } from '../../src/messages/reply-content';

const REPLY = '019a5b1c-7f00-7000-8000-000000000001';
const chunk = (content: string): ReplyEvent => ({ type: 'chunk', data: { content } });
export const START: StartEvent = {
  type: 'start',
  data: { conversation_id: '', message_id: REPLY, user_message_id: '', model: 'm' },
};
const end = (full_text: string): ReplyEvent => ({
  type: 'end',
  data: { full_text, message_id: REPLY, finish_reason: 'stop', usage: null },
});

const never = new AbortController().signal;
const ignore = () => undefined;

async function collect(log: ReplyLog, after: number, signal = never): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  const read = log.read(REPLY, after, (batch) => void events.push(...batch), signal);
  if (!read) throw new Error('The log does not hold the reply.');
  await read;
  return events;
}

const sequences = (events: LoggedEvent[]) => events.map((event) => event.sequence);

/** What every implementation of `ReplyLog` keeps to. */
export function replyLogContract(create: () => Promise<{ log: ReplyLog; instanceId: string }>): void {
  let log: ReplyLog;
  let content: ReplyContent;

  /** As whoever produces a reply does. */
  function append(...texts: string[]): Promise<void> | undefined {
    for (const text of texts) content.add({ type: 'text', text });
    return log.append(REPLY, texts.map(chunk));
  }

  beforeEach(async () => {
    const created = await create();
    log = created.log;
    content = new ReplyContent();
    log.open(REPLY, { userId: 'alice', instanceId: created.instanceId, start: START, content });
  });

  it('numbers events from 1 without gaps and ends every reader after the terminal one', async () => {
    const reading = collect(log, 0);
    await append('a', 'b');
    await log.flush(REPLY);
    log.complete(REPLY, end('ab'));
    const events = await reading;
    expect(sequences(events)).toEqual([1, 2, 3, 4]);
    expect(events.map((event) => event.terminal)).toEqual([false, false, false, true]);
    expect([events[0], events[2]].map(({ json }) => JSON.parse(json))).toEqual([START, chunk('b')]);
  });

  it('gives each reader what comes after its place, whenever it joins', async () => {
    await append('a', 'b', 'c');
    const readers = [1, 2, 3, 4, 6].map((after) => collect(log, after));
    await nextTurn();
    await append('d', 'e');
    await log.flush(REPLY);
    log.complete(REPLY, end('abcde'));
    const seen = await Promise.all(readers);
    expect(seen.map(sequences)).toEqual([[2, 3, 4, 5, 6, 7], [3, 4, 5, 6, 7], [4, 5, 6, 7], [5, 6, 7], [7]]);
  });

  it('keeps the order of many appends that nobody waits for', async () => {
    const reading = collect(log, 0);
    for (let n = 1; n <= 500; n++) void append(String(n));
    await log.flush(REPLY);
    log.complete(REPLY, end('…'));
    const events = await reading;
    expect(sequences(events)).toEqual(Array.from({ length: 502 }, (_, index) => index + 1));
    expect(JSON.parse(events[500].json)).toEqual(chunk('500'));
  });

  it('gives readers that come late or are slow what all others were shown', async () => {
    const texts = Array.from({ length: 700 }, (_, index) => `${index} ü"`);
    const along = collect(log, 0);
    const slow: LoggedEvent[] = [];
    const slowly = async (batch: LoggedEvent[]) => {
      await nextTurn();
      slow.push(...batch);
    };
    const reading = log.read(REPLY, 0, slowly, never);
    for (const text of texts) void append(text);
    await log.flush(REPLY);
    const late = [0, 1, 2, 350, 690, 701].map((after) => collect(log, after));
    await nextTurn();
    log.complete(REPLY, end(texts.join('')));
    const all = await along;
    await reading;
    expect(all).toHaveLength(702);
    expect(slow).toEqual(all);
    expect(await Promise.all(late)).toEqual([0, 1, 2, 350, 690, 701].map((after) => all.slice(after)));
  });

  it('gives readers the very same bytes', async () => {
    const first = collect(log, 0);
    await append('ü\u2028"');
    const second = collect(log, 0);
    await log.flush(REPLY);
    log.complete(REPLY, end('ü\u2028"'));
    expect(await first).toEqual(await second);
  });

  it('lets a reader go when its signal says so, and goes on', async () => {
    const leaving = new AbortController();
    const left = collect(log, 0, leaving.signal);
    const staying = collect(log, 0);
    await append('a');
    await log.flush(REPLY);
    await nextTurn();
    leaving.abort();
    expect(sequences(await left)).toEqual([1, 2]);
    log.complete(REPLY, end('a'));
    expect(sequences(await staying)).toEqual([1, 2, 3]);
  });

  it('keeps a place for a reader that takes its time', async () => {
    const batches: number[][] = [];
    const takes: PromiseWithResolvers<void>[] = [];
    const take = (batch: LoggedEvent[]) => {
      batches.push(sequences(batch));
      takes.push(Promise.withResolvers<void>());
      return takes[takes.length - 1].promise;
    };
    const reading = log.read(REPLY, 0, take, never);
    await append('a');
    await append('b');
    await log.flush(REPLY);
    log.complete(REPLY, end('ab'));
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
    const failing = [fail, raise].map((listener) => log.read(REPLY, 0, listener, never));
    const staying = collect(log, 0);
    for (const reading of failing) await expect(reading).rejects.toThrow('full');
    await append('a');
    await log.flush(REPLY);
    log.complete(REPLY, end('a'));
    expect(sequences(await staying)).toEqual([1, 2, 3]);
  });

  it('repeats the last id for an error that is not the end of the reply, so that a reader can go on there', async () => {
    const reading = collect(log, 0);
    await append('a', 'b');
    await log.flush(REPLY);
    log.fail(REPLY, { type: 'error', data: { code: 'storage_unavailable', message: '…', retryable: true } });
    const events = await reading;
    expect(sequences(events)).toEqual([1, 2, 3, 3]);
    expect(events[3].terminal).toBe(true);
  });

  it('lets readers of a reply that others have closed go, without an end', async () => {
    const reading = collect(log, 0);
    await append('a');
    await log.flush(REPLY);
    log.drop(REPLY);
    expect(sequences(await reading)).toEqual([1, 2]);
    expect(log.read(REPLY, 0, ignore, never)).toBeUndefined();
  });

  it('forgets a reply with its terminal event, and does not know one that was not opened', async () => {
    log.complete(REPLY, end(''));
    expect(log.read(REPLY, 0, ignore, never)).toBeUndefined();
    expect(log.read('019a5b1c-7f00-7000-8000-000000000002', 0, ignore, never)).toBeUndefined();
  });
}
