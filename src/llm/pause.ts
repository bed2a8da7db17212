import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits for `ms` milliseconds.
 * @throws the signal's reason if it aborts first
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}
