import { setTimeout as sleep } from 'node:timers/promises';
import { checkReplies, checkTurns } from './support/checks';
import { Cluster } from './support/cluster';
import type { SeenReply } from './support/history';
import { onServer, rounds, SEED } from './support/options';
import type { Random } from './support/random';
import { Report } from './support/report';
import type { ServiceSlot } from './support/service-slot';
import { Stage } from './support/stage';

const ROUNDS = rounds(1);
const REPLIES = 20;
const KINDS = ['crash', 'crash', 'kill a backend', 'terminate all'] as const;
/** Events after which every reply of the last round waits for the end. */
const BLACKOUT_AFTER = 40;

// What a crash of the database itself costs; the embedded database crashes with the service (kill.spec.ts).
onServer.each(['strict', 'standard'])('PostgreSQL crashes under load, REPLY_DURABILITY=%s', (durability) => {
  let cluster: Cluster;
  let stage: Stage;
  let slot: ServiceSlot;
  let lost = 0;
  let unstored = 0;
  const kinds = new Map<string, number>();
  const report = new Report(`crash, ${durability}`);

  beforeAll(async () => {
    cluster = await Cluster.create();
    stage = await Stage.open(`crash ${durability}`, {
      databaseUrl: cluster.url,
      env: { REPLY_DURABILITY: durability },
    });
    slot = stage.slot();
    report.readyMs.push(await slot.start());
  }, 60_000);
  afterAll(async () => {
    await stage?.close();
    await cluster?.remove();
  });

  it(
    `loses nothing that was acknowledged (${ROUNDS} rounds, seed ${SEED})`,
    async () => {
      const { history } = stage;
      for (let round = 0; round < ROUNDS && history.violations.length < 20; round++) {
        history.round = round;
        await crashed(round);
      }
      await blackout();
      await slot.terminate();
      await stage.checkRows(cluster.url);
      report.more['characters lost with service and database killed at once'] = lost;
      report.more['replies that ended as storage_unavailable'] = unstored;
      report.more.faults = [...kinds].map(([kind, count]) => `${kind}×${count}`).join(' ');
      report.print(history, ROUNDS);
      expect(history.violations).toEqual([]);
      if (durability === 'strict') expect(lost).toBe(0);
    },
    120_000 + ROUNDS * 45_000,
  );

  /** The service outlives it, and so does every reply. */
  async function crashed(round: number): Promise<void> {
    const { pid } = slot.running;
    const random = stage.random.child('crash', round);
    stage.history.faulty = true;
    const replies = talk(round);
    await sleep(random.int(50, 1_500));
    await hurt(random);
    const back = performance.now();
    await recovered();
    report.recoveryMs.push(performance.now() - back);
    const ended = await replies;
    stage.history.faulty = false;
    if (slot.running.pid !== pid) stage.history.violate('I8', '-', 'the process is another one');
    for (const reply of ended) checkEnd(reply);
    await check(ended, false);
  }

  /** The model was well: a reply is whole, or its reader is told that it could not be stored. */
  function checkEnd(reply: SeenReply): void {
    const { type, data } = reply.terminal ?? {};
    if (type === 'end') return;
    if (data?.code === 'storage_unavailable') unstored += 1;
    else stage.history.violate('J3', reply.id, `ends with ${reply.events.at(-1)}`);
  }

  async function hurt(random: Random): Promise<void> {
    const kind = random.pick(KINDS);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    if (kind === 'kill a backend') return cluster.killBackend();
    if (kind === 'terminate all') return cluster.terminateAll();
    await cluster.crash();
    await sleep(random.int(100, 3_000));
    await cluster.start();
  }

  /** Both at once, as when a machine fails: only here may what was not flushed be gone. */
  async function blackout(): Promise<void> {
    stage.history.faulty = true;
    stage.history.lossy = durability === 'standard';
    stage.model.hold();
    const replies = talk(ROUNDS, BLACKOUT_AFTER);
    await sleep(stage.random.child('blackout').int(300, 1_500));
    const dead = slot.ended();
    slot.running.signal('SIGKILL');
    await cluster.powerOff();
    await dead;
    const open = [...stage.history.replies.values()].filter((reply) => !reply.terminal);
    stage.model.release();
    await cluster.start();
    await slot.start();
    await replies;
    stage.history.faulty = false;
    lost += await check(open, stage.history.lossy);
  }

  function talk(round: number, holdAfter?: number): Promise<SeenReply[]> {
    return Promise.all(
      Array.from({ length: REPLIES }, async (_, index) => {
        const random = stage.random.child('plan', round, index);
        const user = `user-${index % 7}`;
        const plan = {
          token: `p${round}-${index}`,
          user,
          seed: random.int(1, 1e9),
          words: random.int(20, 120),
          pauseMs: random.pick([10, 20, 40]),
          holdAfter,
        };
        // Some speak while it is happening.
        if (!holdAfter && index % 2) await sleep(random.int(0, 2_500));
        return stage.client(user, slot.origin).say(plan);
      }),
    );
  }

  async function recovered(): Promise<void> {
    const url = await slot.origin();
    while (!(await fetch(`${url}/health/ready`)).ok) await sleep(50);
  }

  async function check(replies: SeenReply[], mayLose: boolean): Promise<number> {
    const url = await slot.origin();
    const tokens = new Set(replies.map(({ plan }) => plan.token));
    await checkTurns(
      url,
      stage.history,
      [...stage.history.turns.values()].filter(({ plan }) => tokens.has(plan.token)),
    );
    return checkReplies(url, stage.history, replies, { mayLose });
  }
});
