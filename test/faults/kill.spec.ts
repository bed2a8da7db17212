import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkReplies, checkTurns } from './support/checks';
import type { SeenReply } from './support/history';
import { rounds, SEED } from './support/options';
import type { ReplyPlan } from './support/plan';
import { Report } from './support/report';
import { Stage } from './support/stage';
import type { ServiceSlot } from './support/service-slot';

const ROUNDS = rounds(2);
const REPLIES = 20;
const CLOSED_LIMIT_MS = 20_000;
/** How long a start takes on a machine that is not busy. What it takes longer is the machine's, and everything else takes longer as well. */
const START_MS = 3_000;
/** For a point that the round never reaches. */
const POINT_PATIENCE_MS = 4_000;

/** Points at which the process ends itself (`kill-at.cjs`), with the highest count that a round is sure to come to. */
const POINTS: [string, number][] = [
  ['in-turn-commit', 20],
  ['turn-committed', 20],
  ['before-model', 20],
  ['in-journal', 30],
  ['journal-stored', 30],
  ['before-send', 60],
  ['in-final-commit', 6],
  ['final-committed', 6],
  ['before-terminal', 6],
];

describe('kill -9 with twenty replies on their way', () => {
  let stage: Stage;
  let slot: ServiceSlot;
  const report = new Report('kill');
  const reached = new Map<string, number>();

  beforeAll(async () => {
    stage = await Stage.open('kill');
    slot = stage.slot();
  });
  afterAll(() => stage.close());

  it(
    `loses nothing that was acknowledged or shown (${ROUNDS} rounds, seed ${SEED})`,
    async () => {
      const { history } = stage;
      await slot.start(environmentOf(0));
      for (let round = 0; round < ROUNDS && history.violations.length < 20; round++) {
        history.round = round;
        await killed(round);
      }
      await slot.terminate();
      await stage.checkRows();
      report.more.points = [...reached].map(([point, count]) => `${point}×${count}`).join(' ');
      report.print(history, ROUNDS);
      expect(history.violations).toEqual([]);
      // A point that is never reached any more is one that `kill-at.cjs` does not recognise any more.
      if (ROUNDS >= 4 * POINTS.length) expect(reached.size).toBe(POINTS.length);
    },
    60_000 + ROUNDS * 45_000,
  );

  async function killed(round: number): Promise<void> {
    const before = new Set(stage.history.replies.keys());
    stage.model.hold();
    stage.model.forget();
    if (choiceOf(round).point) slot.running.signal('SIGUSR2');
    const replies = Promise.all(plansOf(round).map((plan) => begin(plan, round)));
    await dead(round);
    const open = [...stage.history.replies.values()].filter(
      ({ id, terminal }) => !before.has(id) && !terminal,
    );
    stage.history.faulty = true;
    const restarted = performance.now();
    stage.model.release();
    const readyMs = await slot.start(environmentOf(round + 1));
    report.readyMs.push(readyMs);
    await closed(open, restarted, CLOSED_LIMIT_MS + Math.max(0, readyMs - START_MS));
    const ended = await replies;
    stage.history.faulty = false;
    await goOn(ended, round);
    await check([...stage.history.replies.values()].filter(({ id }) => !before.has(id)));
  }

  function begin(plan: ReplyPlan, round: number): Promise<SeenReply> {
    // Some readers come and go, besides being cut off.
    const random = stage.random.child(round, plan.token);
    const leaveAfter = random.chance(0.3) ? () => random.int(1, 10) : undefined;
    return stage.client(plan.user, slot.origin, { leaveAfter }).say(plan);
  }

  /** Waits until the process has ended itself, or ends it. */
  async function dead(round: number): Promise<void> {
    const choice = choiceOf(round);
    const exit = slot.ended();
    if (!choice.point) await sleep(choice.afterMs);
    else if ((await Promise.race([exit, sleep(POINT_PATIENCE_MS, 'alive')])) !== 'alive')
      reached.set(choice.point, (reached.get(choice.point) ?? 0) + 1);
    slot.running.signal('SIGKILL');
    await exit;
  }

  /** Until the readers of what was open when the process died have been told how it ended. */
  async function closed(open: SeenReply[], restarted: number, limitMs: number): Promise<void> {
    while (open.some(({ terminal }) => !terminal) && performance.now() - restarted < 2 * limitMs)
      await sleep(10);
    const recovery = performance.now() - restarted;
    report.recoveryMs.push(recovery);
    if (recovery > limitMs) stage.history.violate('I6', '-', `all closed after ${Math.round(recovery)} ms`);
  }

  /** Continues what was interrupted, in the last round all of it, until it is whole. */
  async function goOn(ended: SeenReply[], round: number): Promise<void> {
    const cut = ended.filter((reply) => reply.terminal?.data.code === 'interrupted');
    const chosen = round === ROUNDS - 1 ? cut : cut.slice(0, 4);
    const whole = await Promise.all(
      chosen.map((reply) => stage.client(reply.plan.user, slot.origin).continue(reply)),
    );
    for (const reply of whole)
      if (reply.terminal?.type !== 'end')
        stage.history.violate('I2', reply.id, `continued, ends with ${reply.events.at(-1)}`);
  }

  async function check(replies: SeenReply[]): Promise<void> {
    const url = await slot.origin();
    await checkReplies(url, stage.history, replies);
    const tokens = new Set(replies.map(({ plan }) => plan.token));
    await checkTurns(
      url,
      stage.history,
      [...stage.history.turns.values()].filter(({ plan }) => tokens.has(plan.token)),
    );
  }

  /** Half of the rounds end at a random moment, the others at one point after the other. */
  function choiceOf(round: number): { point?: string; nth: number; afterMs: number } {
    const random = stage.random.child('moment', round);
    const afterMs = random.int(20, 1_500);
    const [point, most] = POINTS[(SEED + Math.floor(round / 2)) % POINTS.length];
    return { point: round % 2 ? point : undefined, nth: random.int(1, most), afterMs };
  }

  function environmentOf(round: number): NodeJS.ProcessEnv {
    const { point, nth } = choiceOf(round);
    if (!point) return {};
    return { NODE_OPTIONS: `--require "${join(__dirname, 'kill-at.cjs')}"`, KILL_AT: `${point}:${nth}` };
  }

  function plansOf(round: number): ReplyPlan[] {
    return Array.from({ length: REPLIES }, (_, index) => {
      const random = stage.random.child('plan', round, index);
      const words = random.int(1, 120);
      return {
        token: `k${round}-${index}`,
        user: `user-${index % 7}`,
        seed: random.int(1, 1e9),
        words,
        pauseMs: random.pick([0, 5, 20, 40]),
        holdAfter: random.chance(0.4) ? random.int(0, words - 1) : undefined,
      };
    });
  }
});
