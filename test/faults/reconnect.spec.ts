import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkReplies, checkTurns } from './support/checks';
import { rounds, SEED, sized } from './support/options';
import { textOf } from './support/plan';
import { Report } from './support/report';
import type { ServiceSlot } from './support/service-slot';
import { Stage } from './support/stage';

const REPLIES = sized(20, 500);
const RECONNECTS_EACH = sized(10, 20);
/** Replies at a time. */
const AT_ONCE = 50;

describe('readers that leave after every few events and come back', () => {
  let stage: Stage;
  let slot: ServiceSlot;
  let reconnects = 0;

  beforeAll(async () => {
    stage = await Stage.open('reconnect');
    slot = stage.slot();
  });
  afterAll(() => stage.close());

  it(
    `get every reply whole, each event once (${REPLIES * RECONNECTS_EACH} reconnects, seed ${SEED})`,
    async () => {
      const { history } = stage;
      const report = new Report('reconnect');
      report.readyMs.push(await slot.start());
      await Promise.all(Array.from({ length: 3 }, (_, index) => follow(-1 - index)));
      const before = openFiles(slot.running.pid);
      const queue = Array.from({ length: REPLIES }, (_, index) => index);
      await Promise.all(Array.from({ length: AT_ONCE }, () => work(queue)));
      await checkReplies(await slot.origin(), history, history.replies.values());
      await checkTurns(await slot.origin(), history, history.turns.values());
      await checkFiles(before);
      await slot.terminate();
      await stage.checkRows();
      report.more.reconnects = reconnects;
      report.print(history, rounds(1));
      expect(history.violations).toEqual([]);
      expect(reconnects).toBeGreaterThanOrEqual(REPLIES * RECONNECTS_EACH);
    },
    60_000 + REPLIES * 1_000,
  );

  async function work(queue: number[]): Promise<void> {
    for (let index = queue.shift(); index !== undefined; index = queue.shift()) await follow(index);
  }

  async function follow(index: number): Promise<void> {
    const random = stage.random.child(index);
    const every = random.int(1, 4);
    const user = `user-${Math.abs(index) % 11}`;
    const plan = {
      token: `c${index}`,
      user,
      seed: random.int(1, 1e9),
      // Words that arrive together are one event.
      words: Math.ceil(every * (RECONNECTS_EACH + 1) * 1.5),
      pauseMs: random.pick([5, 10, 30]),
    };
    const backAfterMs = () => {
      reconnects += 1;
      return random.chance(0.05) ? random.int(100, 1_000) : random.int(0, 20);
    };
    const reply = await stage.client(user, slot.origin, { leaveAfter: () => every, backAfterMs }).say(plan);
    if (reply.text !== textOf(plan)) stage.history.violate('I3', reply.id, `is shown as ${reply.text}`);
  }

  /** I10: what thousands of connections have opened is closed again. */
  async function checkFiles(before: number): Promise<void> {
    const { pid } = slot.running;
    for (let tries = 0; tries < 50 && openFiles(pid) > before + 10; tries++) await sleep(100);
    if (openFiles(pid) > before + 10)
      stage.history.violate('I10', '-', `${openFiles(pid)} files are open, and were ${before}`);
  }
});

/** Of a process; only Linux tells. */
function openFiles(pid: number): number {
  return process.platform === 'linux' ? readdirSync(`/proc/${pid}/fd`).length : 0;
}
