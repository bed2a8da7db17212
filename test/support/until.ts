import { setTimeout as sleep } from 'node:timers/promises';

/** What `look` answers, as soon as it answers something. */
export async function until<T>(look: () => Promise<T | undefined | false>, limitMs = 25_000): Promise<T> {
  for (const end = Date.now() + limitMs; ; await sleep(50)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`Nothing came within ${limitMs} ms.`);
  }
}
