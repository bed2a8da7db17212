import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SpawnedService } from '../support/spawned-service';
import { checkReplies } from './support/checks';
import { freePort } from './support/cluster';
import { rounds, SEED } from './support/options';
import { Random } from './support/random';
import { Report } from './support/report';
import type { SeenReply } from './support/history';
import type { ServiceSlot } from './support/service-slot';
import { Stage } from './support/stage';

const STREAMS = 100;
const GRACE_S = 1;
const EXIT_LIMIT_MS = (GRACE_S + 5) * 1_000;
const BOOTS = rounds(3);
const BOOT_EXIT_LIMIT_MS = 8_000;

describe('signals with a hundred streams', () => {
  let stage: Stage;
  let slot: ServiceSlot;
  const report = new Report('signals');

  beforeAll(async () => {
    stage = await Stage.open('signals', {
      env: { SHUTDOWN_GRACE_S: String(GRACE_S), PORT: String(await freePort()) },
    });
    slot = stage.slot();
  });
  afterAll(() => stage.close());

  it(`SIGTERM ends each stream with its terminal event, and the process in time (seed ${SEED})`, async () => {
    const { told, exit, took } = await ended(0, async () => slot.running.signal('SIGTERM'));
    expectTold(told);
    expect([exit, took < EXIT_LIMIT_MS]).toEqual([0, true]);
    await checkReplies(await slot.origin(), stage.history, stage.history.replies.values());
    expect(stage.history.violations).toEqual([]);
  }, 240_000);

  it('a repeated signal is the same one: SIGTERM and SIGINT within two seconds leave the grace as it is', async () => {
    const { told, exit } = await ended(1, async () => {
      slot.running.signal('SIGTERM');
      await sleep(200);
      slot.running.signal('SIGINT');
      await sleep(200);
      slot.running.signal('SIGTERM');
    });
    expect(exit).toBe(0);
    expectTold(told);
    await checkReplies(await slot.origin(), stage.history, stage.history.replies.values());
    await slot.terminate();
    await stage.checkRows();
    report.print(stage.history, 2);
    expect(stage.history.violations).toEqual([]);
  }, 240_000);

  function expectTold(told: { reply: SeenReply; end: SeenReply['terminal'] }[]): void {
    expect(told).toHaveLength(STREAMS);
    for (const { reply, end } of told)
      if (end?.type !== 'end' && end?.data.code !== 'interrupted')
        stage.history.violate('L2', reply.id, `was told ${JSON.stringify(end)} as its end`);
    expect(stage.history.violations).toEqual([]);
  }

  /** Ends a process with a hundred streams, each of which is held by its model, and tells what their readers got by then. */
  async function ended(round: number, end: () => Promise<void>) {
    if (round === 0) report.readyMs.push(await slot.start());
    stage.history.round = round;
    stage.history.faulty = true;
    stage.model.hold();
    const known = new Set(stage.history.replies.keys());
    const begun = () => [...stage.history.replies.values()].filter(({ id }) => !known.has(id));
    const talking = Promise.all(Array.from({ length: STREAMS }, (_, index) => say(round, index)));
    while (begun().length < STREAMS) await sleep(20);
    await sleep(stage.random.child(round).int(50, 500));
    const began = performance.now();
    await end();
    const exit = await slot.ended();
    const took = performance.now() - began;
    // What is on its way from the sockets; the readers come back only when the next process is there.
    await sleep(300);
    const told = begun().map((reply) => ({ reply, end: reply.terminal }));
    stage.model.release();
    report.readyMs.push(await slot.start());
    await talking;
    stage.history.faulty = false;
    return { told, exit, took };
  }

  function say(round: number, index: number): Promise<SeenReply> {
    const random = stage.random.child(round, index);
    const user = `user-${index % 13}`;
    const plan = {
      token: `s${round}-${index}`,
      user,
      seed: random.int(1, 1e9),
      words: 30,
      pauseMs: 10,
      holdAfter: random.int(0, 29),
    };
    return stage.client(user, slot.origin).say(plan);
  }
});

describe('a signal while the service starts', () => {
  const directory = mkdtempSync(join(tmpdir(), 'parley-boot-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it(
    `ends it soon, and what it leaves can be started on (${BOOTS} starts, seed ${SEED})`,
    async () => {
      const random = new Random(SEED).child('starts');
      for (let start = 0; start < BOOTS; start++) {
        const signal = (['SIGTERM', 'SIGINT', 'SIGHUP'] as const)[start % 3];
        const service = new SpawnedService(directory);
        await sleep(random.int(50, 3_000));
        service.signal(signal);
        const exit = await Promise.race([service.exit, sleep(BOOT_EXIT_LIMIT_MS, 'alive')]);
        await service.kill();
        expect([0, signal]).toContain(exit);
        expect(service.output).not.toMatch(/uncaught|\n\s+at /);
      }
      const last = new SpawnedService(directory);
      await last.ready();
      await last.kill();
    },
    60_000 + BOOTS * 15_000,
  );
});
