import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { Balancer } from './support/balancer';
import { checkReplies, checkTurns } from './support/checks';
import { freePort } from './support/cluster';
import type { SeenReply } from './support/history';
import { onServer, rounds, SEED } from './support/options';
import { textOf } from './support/plan';
import { Report } from './support/report';
import type { ServiceSlot } from './support/service-slot';
import { Stage } from './support/stage';

const ROUNDS = rounds(2);
const CLIENTS = 8;
/** Longer than any reply takes. */
const GRACE_S = 10;

// Two instances on one database, of which one after the other ends while clients go on talking.
onServer('two instances behind a balancer', () => {
  let database: TestDatabase;
  let stage: Stage;
  let slots: ServiceSlot[];
  let balancer: Balancer;

  beforeEach(async () => {
    database = await createTestDatabase();
    stage = await Stage.open('rolling', { databaseUrl: database.config.url });
    const ports = [await freePort(), await freePort()];
    slots = ports.map((port) => stage.slot({ PORT: String(port), SHUTDOWN_GRACE_S: String(GRACE_S) }));
    balancer = await Balancer.start(ports);
  });
  afterEach(async () => {
    await stage.close();
    await balancer.stop();
    await database.close();
  });

  it(
    `restarted one after the other, lose no reply and interrupt none (${ROUNDS} restarts, seed ${SEED})`,
    async () => {
      const replies = await scenario('rolling, SIGTERM', ROUNDS, restart);
      for (const { id, terminal } of replies)
        if (terminal?.type !== 'end')
          stage.history.violate('L4', id, `ends with ${JSON.stringify(terminal)}`);
      expect(stage.history.violations).toEqual([]);
    },
    60_000 + ROUNDS * 40_000,
  );

  it(
    `one of which is killed: the other closes its replies, and they can be gone on with (seed ${SEED})`,
    async () => {
      await scenario('rolling, kill -9', Math.max(1, Math.floor(ROUNDS / 4)), (slot) => slot.kill());
      expect(stage.history.violations).toEqual([]);
    },
    90_000 + ROUNDS * 40_000,
  );

  async function restart(slot: ServiceSlot, report: Report): Promise<void> {
    const began = performance.now();
    stage.history.draining = true;
    const exit = await slot.terminate();
    stage.history.draining = false;
    report.recoveryMs.push(performance.now() - began);
    if (exit !== 0) stage.history.violate('L2', '-', `SIGTERM ends with ${exit}`);
  }

  /** Ends and restarts the instances in turn, under load; answers every reply that was begun. */
  async function scenario(
    name: string,
    count: number,
    end: (slot: ServiceSlot, report: Report) => Promise<void>,
  ): Promise<SeenReply[]> {
    const { history } = stage;
    const report = new Report(name);
    for (const slot of slots) report.readyMs.push(await slot.start());
    history.faulty = true;
    let over = false;
    const talking = Array.from({ length: CLIENTS }, (_, index) => talk(name, index, () => over));
    for (let round = 0; round < count && history.violations.length < 20; round++) {
      history.round = round;
      const slot = slots[round % slots.length];
      await sleep(stage.random.child(name, round).int(500, 2_500));
      await end(slot, report);
      report.readyMs.push(await slot.start());
    }
    await sleep(500);
    over = true;
    await Promise.all(talking);
    history.faulty = false;
    const url = await slots[0].origin();
    await checkReplies(url, history, history.replies.values());
    await checkTurns(url, history, history.turns.values());
    await Promise.all(slots.map((slot) => slot.terminate()));
    await stage.checkRows(database.config.url);
    report.print(history, count);
    return [...history.replies.values()];
  }

  async function talk(name: string, index: number, isOver: () => boolean): Promise<void> {
    const user = `user-${index}`;
    let conversation: string | undefined;
    for (let turn = 0; !isOver(); turn++) {
      const random = stage.random.child(name, index, turn);
      const token = `t${index}-${turn}`;
      const plan = {
        token,
        user,
        seed: random.int(1, 1e9),
        words: random.int(5, 60),
        pauseMs: random.pick([5, 20, 40]),
      };
      const leaveAfter = random.chance(0.3) ? () => random.int(3, 20) : undefined;
      const client = stage.client(user, async () => balancer.url, { leaveAfter });
      const reply = await client.converse(plan, conversation);
      conversation = stage.history.turns.get(token)?.conversationId;
      if (reply.text !== textOf(plan))
        stage.history.violate('I3', reply.id, `ends with ${reply.events.at(-1)} as ${reply.text}`);
      if (random.chance(0.3)) conversation = undefined;
    }
  }
});
