import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { type Fault, FaultProxy } from './fault-proxy';
import { checkReplies, checkTurns } from './support/checks';
import type { SeenReply } from './support/history';
import { onServer, rounds, SEED } from './support/options';
import type { ReplyPlan } from './support/plan';
import type { Random } from './support/random';
import { Report } from './support/report';
import type { ServiceSlot } from './support/service-slot';
import { Stage } from './support/stage';

const ROUNDS = rounds(4);
const REPLIES = 8;
const RECOVERY_LIMIT_MS = 5_000;

type Kind = Fault['kind'];

/** One fault after the other, so that a few rounds see most of them. */
function faultOf(kinds: Kind[], round: number, random: Random): Fault {
  const kind = kinds[(SEED + round) % kinds.length];
  if (kind === 'delay') return { kind, ms: random.int(20, 300) };
  if (kind === 'drip') return { kind, everyMs: random.int(1, 3) };
  if (kind === 'cut') return { kind, afterBytes: random.int(1, 4_000) };
  return { kind };
}

/** What both scenarios do: replies on their way, a fault for a while, and an end to it. */
class Disturbance {
  constructor(
    private readonly stage: Stage,
    private readonly slot: ServiceSlot,
    private readonly report: Report,
  ) {}

  async round(round: number, proxy: FaultProxy, fault: Fault, lastsMs: number): Promise<SeenReply[]> {
    const { history } = this.stage;
    history.round = round;
    const random = this.stage.random.child('moment', round);
    history.faulty = true;
    const before = this.talk(round, 0);
    await sleep(random.int(50, 600));
    await proxy.inject(fault);
    const during = this.talk(round, REPLIES / 2);
    await sleep(lastsMs);
    await proxy.heal();
    await this.recovered(round, fault);
    const replies = (await Promise.all([before, during])).flat();
    history.faulty = false;
    await this.check(replies);
    return replies;
  }

  private talk(round: number, from: number): Promise<SeenReply[]> {
    return Promise.all(
      Array.from({ length: REPLIES / 2 }, (_, index) => this.say(`x${round}-${from + index}`, 60)),
    );
  }

  private say(token: string, words: number): Promise<SeenReply> {
    const random = this.stage.random.child(token);
    const user = `user-${random.int(0, 5)}`;
    const plan: ReplyPlan = {
      token,
      user,
      seed: random.int(1, 1e9),
      words,
      pauseMs: random.pick([5, 20, 40]),
    };
    return this.stage.client(user, this.slot.origin).say(plan);
  }

  /** Until a turn that begins now succeeds. */
  private async recovered(round: number, fault: Fault): Promise<void> {
    const healed = performance.now();
    for (let tries = 0; ; tries++) {
      const { terminal } = await this.say(`y${round}-${tries}`, 1);
      const took = performance.now() - healed;
      if (terminal?.type !== 'end' && took < 6 * RECOVERY_LIMIT_MS) continue;
      this.report.recoveryMs.push(took);
      if (took > RECOVERY_LIMIT_MS)
        this.stage.history.violate(
          'J2',
          '-',
          `recovers ${Math.round(took)} ms after ${JSON.stringify(fault)}`,
        );
      return;
    }
  }

  private async check(replies: SeenReply[]): Promise<void> {
    const url = await this.slot.origin();
    const { history } = this.stage;
    await settled(url, replies);
    await checkReplies(url, history, replies);
    const tokens = new Set(replies.map(({ plan }) => plan.token));
    await checkTurns(
      url,
      history,
      [...history.turns.values()].filter(({ plan }) => tokens.has(plan.token)),
    );
  }
}

/** What was told as unstorable is stored a little later. */
async function settled(url: string, replies: SeenReply[]): Promise<void> {
  for (const { id, plan } of replies) {
    for (let tries = 0; tries < 200; tries++) {
      const answer = await fetch(`${url}/api/v1/messages/${id}`, { headers: { 'x-user-id': plan.user } });
      if (((await answer.json()) as { status: string }).status !== 'streaming') break;
      await sleep(100);
    }
  }
}

describe('a model behind a broken network', () => {
  const KINDS: Kind[] = ['cut', 'half-open', 'refuse', 'drip', 'delay'];
  let stage: Stage;
  let slot: ServiceSlot;
  let proxy: FaultProxy;

  beforeAll(async () => {
    stage = await Stage.open('proxy model');
    proxy = await FaultProxy.start({ host: '127.0.0.1', port: stage.model.server.port });
    slot = stage.slot({
      OPENAI_BASE_URL: `http://127.0.0.1:${proxy.port}/v1`,
      LLM_CONNECT_TIMEOUT_MS: '1000',
      LLM_FIRST_EVENT_TIMEOUT_MS: '1500',
      LLM_IDLE_TIMEOUT_MS: '1500',
      LLM_MAX_RETRIES: '1',
    });
  });
  afterAll(async () => {
    await stage.close();
    await proxy.stop();
  });

  it(
    `ends every reply with what was shown (${ROUNDS} rounds, seed ${SEED})`,
    async () => {
      const { history } = stage;
      const report = new Report('proxy, model');
      report.readyMs.push(await slot.start());
      const disturbance = new Disturbance(stage, slot, report);
      for (let round = 0; round < ROUNDS && history.violations.length < 20; round++) {
        const random = stage.random.child('fault', round);
        await disturbance.round(round, proxy, faultOf(KINDS, round, random), random.int(300, 2_500));
      }
      await slot.terminate();
      await stage.checkRows();
      report.print(history, ROUNDS);
      expect(history.violations).toEqual([]);
    },
    60_000 + ROUNDS * 30_000,
  );
});

onServer('a database behind a broken network', () => {
  const KINDS: Kind[] = ['refuse', 'cut', 'half-open', 'delay', 'drip'];
  let database: TestDatabase;
  let stage: Stage;
  let slot: ServiceSlot;
  let proxy: FaultProxy;

  beforeAll(async () => {
    database = await createTestDatabase();
    const behind = new URL(database.config.url ?? '');
    proxy = await FaultProxy.start({ host: behind.hostname, port: Number(behind.port) });
    behind.port = String(proxy.port);
    stage = await Stage.open('proxy database', {
      databaseUrl: behind.toString(),
      env: { DB_CONNECTION_TIMEOUT_MS: '1000', DB_STATEMENT_TIMEOUT_MS: '2000' },
    });
    slot = stage.slot();
  });
  afterAll(async () => {
    await stage.close();
    await proxy.stop();
    await database.close();
  });

  it(
    `costs time and nothing else (${ROUNDS} rounds, seed ${SEED})`,
    async () => {
      const { history } = stage;
      const report = new Report('proxy, database');
      report.readyMs.push(await slot.start());
      const { pid } = slot.running;
      const disturbance = new Disturbance(stage, slot, report);
      for (let round = 0; round < ROUNDS && history.violations.length < 20; round++) {
        const random = stage.random.child('fault', round);
        // Long enough, now and then, for the lease to run out and for the readers to be told that nothing can be stored.
        const lastsMs = round % 10 === 9 ? random.int(18_000, 25_000) : random.int(300, 3_000);
        await disturbance.round(round, proxy, faultOf(KINDS, round, random), lastsMs);
      }
      expect(slot.running.pid).toBe(pid);
      await slot.terminate();
      await stage.checkRows(database.config.url);
      report.print(history, ROUNDS);
      expect(history.violations).toEqual([]);
    },
    60_000 + ROUNDS * 45_000,
  );
});
