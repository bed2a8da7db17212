import type { JobQueue } from './job-queue';

/** A run that takes longer ends after its slice; the next one goes on. */
const TIMEOUT_MS = 10 * 60_000;

/** Has the queue do something again and again, once for all processes. To be called in `onModuleInit`. */
export function repeat(
  queue: JobQueue,
  name: string,
  cron: string,
  run: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const type = { name, concurrency: 1, attempts: 3, retryDelayS: 60, timeoutMs: TIMEOUT_MS };
  queue.work(type, async ({ signal }) => {
    await run(signal);
  });
  return queue.schedule(name, { key: 'regular', cron });
}
