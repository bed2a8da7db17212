import { setTimeout as sleep } from 'node:timers/promises';
import * as answers from './support/attacks/answers';
import type { Attack } from './support/attacks/attack';
import { Attackers } from './support/attacks/attackers';
import { ATTACKS } from './support/attacks/catalogue';
import { honestTraffic } from './support/attacks/honest';
import { type Observation, observe } from './support/attacks/innocent';
import { Target } from './support/attacks/target';
import { faultsOf, rowOf } from './support/attacks/verdict';
import { ATTACK_SECONDS, IS_LONG, onLinux } from './support/options';
import { printRow } from './support/report';

/** Of one attack alone, and of what comes before it. */
const ALONE_MS = IS_LONG ? Math.max(10_000, (ATTACK_SECONDS / 30) * 1_000) : 2_500;
const QUIET_MS = IS_LONG ? 3_000 : 1_000;
/** Of the honest form, which is there to be compared with. */
const HONEST_LIMIT_MS = 60_000;
/** For what an attack leaves behind, before the next one. */
const SETTLE_LIMIT_MS = 15_000;
const TOGETHER_MS = ATTACK_SECONDS * 1_000;
const indexes = ATTACKS.map((_, index) => index).filter((index) => IS_LONG || ATTACKS[index].short);
const together = indexes.filter((index) => ATTACKS[index].main);

/** An innocent user is served, whatever somebody else does: the service is built and runs with all limits on a heap of one gigabyte. */
onLinux('attacks', () => {
  let target: Target;
  let attackers: Attackers;
  /** How it is before anything happens. */
  let calm: Observation;

  beforeAll(async () => {
    attackers = await Attackers.start();
    target = await Target.open();
    // What is loaded and compiled on first use is no one's fault.
    await observe(target.at, sleep(QUIET_MS));
    calm = await observe(target.at, sleep(QUIET_MS));
  }, 90_000);
  beforeEach(async () => {
    if (target.death !== undefined) await target.start();
  });
  afterAll(async () => {
    attackers?.close();
    await target?.close();
  });

  const scene = () => ({ target, models: attackers.models });

  describe('that are seen in an answer', () => {
    answers.copies(scene);
    answers.keys(scene);
    answers.sessions(scene);
    answers.providers(scene);
    answers.openStreams(scene);
    answers.http(scene);
    answers.supplyChain();
    answers.erasure(scene);
  });

  describe('what only looks like one passes:', () => honestTraffic(scene));

  describe('by load', () => {
    it.each(indexes.map((index) => [nameOf(ATTACKS[index]), index] as const))(
      '%s',
      async (name, index) => {
        if (ATTACKS[index].needsSilentNames && !target.hasSilentNames)
          return console.warn(
            `${name}: skipped, since it takes an administrator of a Linux with mount namespaces.`,
          );
        expect(await suffered(name, [index], ALONE_MS)).toEqual([]);
      },
      120_000 + 3 * ALONE_MS,
    );

    it(
      `all of them at once, for ${ATTACK_SECONDS} s`,
      async () => {
        const feasible = together.filter(
          (index) => target.hasSilentNames || !ATTACKS[index].needsSilentNames,
        );
        const { pid } = target.at;
        expect(await suffered('all at once', feasible, TOGETHER_MS, true)).toEqual([]);
        expect(target.at.pid).toBe(pid);
        expect(target.output).not.toMatch(/"level":60|uncaught|heap out of memory/i);
      },
      240_000 + TOGETHER_MS,
    );
  });

  /** What is seen while these go on, and until they have stopped. */
  async function beside(which: number[], forMs: number, honest: boolean): Promise<Observation> {
    const prepared = await Promise.all(which.map((index) => attackers.prepare(index, target.url, honest)));
    for (const each of prepared) each.go();
    const observation = await observe(target.at, sleep(forMs));
    const tallies = await Promise.all(prepared.map((each) => each.stop()));
    const came = tallies.map((tally) => JSON.stringify(tally)).join(' ');
    process.stdout.write(`faults: ${honest ? 'honest' : 'attack'} ${which.join()} got ${came}\n`);
    return observation;
  }

  /** Until an innocent user is served as before; false if that takes too long. */
  async function settle(): Promise<boolean> {
    for (const end = Date.now() + SETTLE_LIMIT_MS; Date.now() < end && target.death === undefined;)
      if ((await observe(target.at, sleep(1_000))).p95 < Math.max(200, 3 * calm.p95)) return true;
    return false;
  }

  /** What is wrong with how these are borne. A service that does not recover is given up, for the sake of what comes next. */
  async function suffered(name: string, which: number[], forMs: number, isJoint = false): Promise<string[]> {
    const quiet = await observe(target.at, sleep(QUIET_MS));
    const honest = IS_LONG ? await beside(which, Math.min(forMs, HONEST_LIMIT_MS), true) : undefined;
    if (honest) await settle();
    const attack = await beside(which, forMs, false);
    const settled = await settle();
    const seen = { quiet, honest, attack, death: target.death, settled };
    const faults = faultsOf(seen, isJoint);
    printRow('attacks', { attack: name, ...rowOf(seen, faults) });
    if (!settled) await target.kill();
    return faults;
  }
});

function nameOf({ finding, what }: Attack): string {
  return `${finding}: ${what}`;
}
