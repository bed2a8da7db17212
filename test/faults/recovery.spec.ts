import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../support/api-client';
import { IS_LONG, onLinux, SERVER_URL } from './support/options';
import { Abandoned, type Recovered } from './support/recovery/abandoned';
import { LeftBehind, type LeftReply, type Shape } from './support/recovery/left-behind';
import { printRow } from './support/report';

const BYTES = Number(process.env.FAULTS_JOURNAL_MB ?? (IS_LONG ? 300 : 10)) * 1_000_000;
const REPLIES = IS_LONG ? 440 : 60;
/** What clients are promised; a short run shares its machine. */
const LIMIT_MS = IS_LONG ? 20_000 : 60_000;
/** A short run takes the size of a process that has just begun, and still grows. */
const MEMORY_MB = IS_LONG ? 150 : 500;
const P95_MS = IS_LONG ? 500 : 6_000;
const HEALTH_MS = IS_LONG ? 1_000 : 10_000;
const REST_MS = IS_LONG ? 15_000 : 3_000;
/** Given up after that. */
const PATIENCE_MS = LIMIT_MS + 40_000;
const POLL_MS = 250;
const AT_ONCE = 2;

/** A journal of any size is recovered in bounded time and memory, and others are served meanwhile. */
onLinux('the journal of a process that is gone', () => {
  let atRest: Recovered;

  beforeAll(async () => {
    const empty = await Abandoned.create();
    atRest = await empty.serve(() => sleep(REST_MS));
    await empty.close();
  }, 120_000);

  it.each<[string, Shape['kind'], boolean]>([
    ['all of it of open replies, written within a minute', 'burst', false],
    ['kept since the oldest reply began', 'long', false],
    ['the same, left by the version before open replies had a table', 'long', true],
  ])(
    '%s',
    async (name, kind, before) => {
      const shape = { kind, replies: REPLIES, bytes: BYTES };
      const left = new LeftBehind(shape);
      const abandoned = await Abandoned.create();
      try {
        const bytes = await abandoned.leave(shape, before);
        const found = new Findings(left.replies);
        const recovered = await abandoned.serve((url) => found.look(url));
        const recoveredMs = whenAll(recovered, left.replies.length);
        const faults = [...found.faults, ...faultsOf(recovered)];
        if (recoveredMs > LIMIT_MS) faults.push(`recovered after ${recoveredMs} ms`);
        print(name, bytes, { ...recovered, recoveredMs }, found, faults);
        expect(faults).toEqual([]);
      } finally {
        await abandoned.close();
      }
    },
    600_000,
  );

  function faultsOf({ innocent, memoryPeak }: Recovered): string[] {
    const faults = Object.entries(innocent.failures).map(([failure, count]) => `${failure} (${count} times)`);
    const more = memoryPeak - atRest.memoryPeak;
    if (more > MEMORY_MB) faults.push(`takes ${Math.round(more)} MB more than at rest`);
    if (innocent.p95 > Math.max(P95_MS, 5 * atRest.innocent.p95))
      faults.push(`p95 is ${Math.round(innocent.p95)} ms`);
    const healthLimit = IS_LONG ? HEALTH_MS : Math.max(HEALTH_MS, 5 * atRest.innocent.healthMs);
    if (innocent.healthMs > healthLimit) faults.push(`health takes ${Math.round(innocent.healthMs)} ms`);
    return faults;
  }

  function print(
    name: string,
    bytes: number,
    seen: Recovered & { recoveredMs: number },
    found: Findings,
    faults: string[],
  ): void {
    const mb = (value: number) => `${Math.round(value)} MB`;
    const ms = (value: number) => `${Math.round(value)} ms`;
    printRow('recovery', {
      journal: name,
      database: SERVER_URL ? 'postgresql' : 'embedded',
      size: mb(bytes / 1_000_000),
      replies: found.closed,
      ready: ms(seen.readyMs),
      recovered: ms(seen.recoveredMs),
      'memory at rest': mb(atRest.innocent.memoryAfter),
      'peak at rest': mb(atRest.memoryPeak),
      peak: mb(seen.memoryPeak),
      p95: ms(seen.innocent.p95),
      'p95 at rest': ms(atRest.innocent.p95),
      'health max': ms(seen.innocent.healthMs),
      verdict: faults.length ? faults.slice(0, 6).join('; ') : 'recovered',
    });
  }
});

/** When the service had closed so many, in milliseconds after its readiness. The test's own reading of all texts does not count. */
function whenAll({ closed }: Recovered, replies: number): number {
  let sum = 0;
  return closed.find((some) => (sum += some.replies) >= replies)?.ms ?? Infinity;
}

/** What the replies have become. */
class Findings {
  readonly faults: string[] = [];
  closed = 0;

  constructor(private readonly replies: readonly LeftReply[]) {}

  async look(url: string): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    // The last to be closed; to read all the time what is long would take the service's time.
    const last = this.replies.reduce((a, b) => (a.id > b.id ? a : b));
    await this.settled(url, last, end);
    const queue = [...this.replies];
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.work(url, queue, end)));
    if (this.closed < this.replies.length)
      this.faults.push(`${this.replies.length - this.closed} replies stay open`);
  }

  private async work(url: string, queue: LeftReply[], end: number): Promise<void> {
    for (let reply = queue.shift(); reply && performance.now() < end; reply = queue.shift()) {
      const { status, content } = await this.settled(url, reply, end);
      if (status === 'streaming') continue;
      this.closed += 1;
      this.check(reply, status, content);
    }
  }

  private async settled(url: string, { id, userId }: LeftReply, end: number) {
    const api = ApiClient.of(url, userId);
    for (;;) {
      const { status, content } = await api.message(id).catch(() => ({ status: 'streaming', content: '' }));
      if (status !== 'streaming' || performance.now() > end) return { status, content };
      await sleep(POLL_MS);
    }
  }

  private check(reply: LeftReply, status: string, content: string): void {
    const { id, damage } = reply;
    const expected = reply.text();
    // Of what nobody can read or store it is enough that the rest is there, and that the reply is closed.
    const isRight = damage ? content.startsWith(expected) : content === expected && status === 'interrupted';
    if (!isRight)
      this.faults.push(`${id} is ${status} with ${content.length} characters instead of ${expected.length}`);
  }
}
