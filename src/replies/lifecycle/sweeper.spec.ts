import type { InstanceService } from '../../instances/instance.service';
import type { DeadInstanceReplies } from './dead-instance-replies';
import type { OrphanedReplies } from './orphaned-replies';
import { Sweeper } from './sweeper';

const INSTANCE = { registered: Promise.resolve() } as InstanceService;

let sweeper: Sweeper;
beforeEach(() => {
  vi.useFakeTimers();
  sweeper = new Sweeper(INSTANCE, {} as DeadInstanceReplies, {} as OrphanedReplies);
});
afterEach(() => {
  sweeper.onModuleDestroy();
  vi.useRealTimers();
});

it('does not begin a task again before it has settled, whatever the others do', async () => {
  let running = 0;
  let most = 0;
  let quick = 0;
  sweeper.start('slow', async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    running--;
  });
  sweeper.start('quick', async () => void quick++);
  await vi.advanceTimersByTimeAsync(49_000);
  expect([running, most, quick]).toEqual([1, 1, 20]);
  await vi.advanceTimersByTimeAsync(15_000);
  expect([running, most]).toEqual([1, 1]);
});

it('goes on after a task that fails, and ends with the process', async () => {
  let tries = 0;
  sweeper.start('failing', () => {
    tries++;
    return Promise.reject(new Error('This is not to be done today.'));
  });
  await vi.advanceTimersByTimeAsync(5_100);
  expect(tries).toBe(3);
  sweeper.onModuleDestroy();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(tries).toBe(3);
  expect(vi.getTimerCount()).toBe(0);
});
