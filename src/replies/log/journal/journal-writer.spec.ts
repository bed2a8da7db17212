import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AppConfig } from '../../../config/app-config';
import type { DatabaseState } from '../../../database/database-state';
import type { InstanceService } from '../../../instances/instance.service';
import { logged } from '../../events/event-codec';
import type { JournalRepository } from './journal.repository';
import { JournalWriter } from './journal-writer';

/** Above these a batch waits for company. */
const MANY = 40;

/** Waits in turns of the event loop: the timers stand still. */
async function timersAre(count: number): Promise<void> {
  for (let turns = 0; turns < 100 && vi.getTimerCount() !== count; turns++) await nextTurn();
  expect(vi.getTimerCount()).toBe(count);
}

it('a pause that is broken off leaves no timer behind', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  const stored: number[] = [];
  const journal = {
    append: (_instance: string, batch: number) => Promise.resolve(stored.push(batch) > 0),
  } as unknown as JournalRepository;
  const instance = { id: 'instance' } as InstanceService;
  const config = { chat: { durability: 'standard' } } as AppConfig;
  const writer = new JournalWriter(journal, instance, { exclusive: false } as DatabaseState, config);
  const timers = vi.getTimerCount();
  for (let index = 0; index < MANY; index++) writer.register(`reply ${index}`);
  const event = (sequence: number) => [
    logged('reply 1', sequence, { type: 'chunk', data: { content: 'word' } }),
  ];

  await writer.store(event(2));
  // The writer pauses now, and the timers stand still: the next events are stored because one is the first of its reply.
  await timersAre(timers + 1);
  const waiting = writer.store(event(3));
  const urgent = writer.store(event(1));
  await Promise.all([waiting, urgent]);
  expect(stored).toEqual([1, 2]);
  await timersAre(timers + 1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(vi.getTimerCount()).toBe(timers);
  writer.onModuleDestroy();
  vi.useRealTimers();
});
