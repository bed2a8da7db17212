import { IS_LONG } from '../options';
import type { Observation } from './innocent';

/** A short run shares its machine with other tests, and is there to find what takes seconds. */
const PATIENCE = IS_LONG ? 1 : 20;
const P95_MS = 300 * PATIENCE;
const HEALTH_MS = 1_000 * PATIENCE;
const MEMORY_MB = IS_LONG ? 300 : 800;

export interface Observations {
  /** Nobody else is there. */
  quiet: Observation;
  /** The same load, from those who keep to the rules. */
  honest?: Observation;
  attack: Observation;
  /** How the process ended, if it did. */
  death?: number | string | null;
  /** Whether an innocent user was served as before soon after it was over. */
  settled: boolean;
}

/**
 * What an attack has done that it must not: an innocent user's p95 may be five times what it is without anybody, or 300 ms, or half
 * as much again as beside as much honest load, which costs what the machine makes it cost.
 *
 * All attacks together take more than two cores have, in their honest form, too. Then the process must survive, and everybody must be answered,
 * in five times the time that the honest form costs them; how long `/health/live` takes and what memory is taken is shown.
 */
export function faultsOf({ quiet, honest, attack, death, settled }: Observations, isJoint = false): string[] {
  const faults: string[] = [];
  const limit = Math.max(P95_MS, 5 * quiet.p95, (isJoint ? 5 : 1.5) * (honest?.p95 ?? 0));
  if (death !== undefined) faults.push(`the process is dead (${String(death)})`);
  else if (!settled) faults.push('goes on after its end');
  if (attack.p95 > limit) faults.push(`p95 ${ms(attack.p95)} > ${ms(limit)}`);
  const healthLimit = IS_LONG ? HEALTH_MS : Math.max(HEALTH_MS, 5 * quiet.healthMs);
  if (!isJoint && attack.healthMs > healthLimit)
    faults.push(`health ${ms(attack.healthMs)} > ${ms(healthLimit)}`);
  const grown = attack.memoryPeak - quiet.memoryAfter;
  if (!isJoint && grown > MEMORY_MB) faults.push(`memory +${Math.round(grown)} MB > +${MEMORY_MB} MB`);
  for (const [failure, count] of Object.entries(attack.failures)) faults.push(`${failure} (${count} times)`);
  return faults;
}

/** The line of the table. */
export function rowOf({ quiet, honest, attack, death }: Observations, faults: string[]) {
  return {
    'p95 quiet': ms(quiet.p95),
    'p95 honest load': honest ? ms(honest.p95) : '-',
    'p95 attacked': ms(attack.p95),
    'health max': ms(attack.healthMs),
    'memory before': mb(quiet.memoryAfter),
    'memory peak': death === undefined ? mb(attack.memoryPeak) : '-',
    verdict: faults.length ? faults.join('; ') : 'held',
  };
}

const ms = (value: number) => `${Math.round(value)} ms`;
const mb = (value: number) => `${Math.round(value)} MB`;
