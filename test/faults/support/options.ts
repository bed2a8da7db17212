/** How long and on what the fault runs go. `npm run faults` sets these variables; without them the runs are short. */
export const SEED = Number(process.env.FAULTS_SEED ?? Date.now() % 1_000_000);

/** Undefined in the short runs of the normal test command. */
const ROUNDS = process.env.FAULTS_ROUNDS ? Number(process.env.FAULTS_ROUNDS) : undefined;

/** Whether somebody asked for a long run, and lets it have the machine. */
export const IS_LONG = ROUNDS !== undefined;

/** Rounds of a scenario: as many as it has by itself in the short run, else as many as were asked for. */
export function rounds(short: number): number {
  return ROUNDS ?? short;
}

/** A size that goes with the length of the run: all of it from 200 rounds on. */
export function sized(short: number, long: number): number {
  return ROUNDS === undefined ? short : Math.max(short, Math.min(long, Math.round((long * ROUNDS) / 200)));
}

/** Seconds for which all attacks go on at once; one alone goes on for a thirtieth of that, at least ten seconds. */
export const ATTACK_SECONDS = Number(process.env.FAULTS_ATTACK_SECONDS ?? (IS_LONG ? 600 : 6));

/** A PostgreSQL that runs already; without it the database is the embedded one. */
export const SERVER_URL = process.env.TEST_DATABASE_URL ?? '';

/** For scenarios that only a server can show. */
export const onServer = SERVER_URL ? describe : describe.skip;

/** For scenarios that look at a process by `/proc`, and come from more than one loopback address. */
export const onLinux = process.platform === 'linux' ? describe : describe.skip;
