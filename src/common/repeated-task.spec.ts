import { RepeatedTask } from './repeated-task';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('runs again when a run is over, however long that took, and after one that failed', async () => {
  const runs: PromiseWithResolvers<void>[] = [];
  const task = new RepeatedTask({
    failure: 'failed',
    firstMs: 100,
    everyMs: 1_000,
    run: () => {
      const run = Promise.withResolvers<void>();
      runs.push(run);
      return run.promise;
    },
  });
  task.begin();
  await vi.advanceTimersByTimeAsync(100);
  expect(runs).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(runs).toHaveLength(1);
  runs[0].reject(new Error('The database is away'));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(runs).toHaveLength(2);
  task.end();
  runs[1].resolve();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(runs).toHaveLength(2);
});

it('tells a run that is under way of the end', async () => {
  let told: AbortSignal | undefined;
  const task = new RepeatedTask({
    failure: 'failed',
    firstMs: 0,
    everyMs: 1_000,
    run: async (signal) => void (told = signal),
  });
  task.begin();
  await vi.advanceTimersByTimeAsync(1);
  expect(told?.aborted).toBe(false);
  task.end();
  expect(told?.aborted).toBe(true);
});
