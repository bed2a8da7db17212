import fc from 'fast-check';
import { clock } from './clock';
import { LEASE_MS, type World } from './world';

type Move = (world: World, pick: number) => unknown;

const MAX_PROCESSES = 3;
const MAX_READERS = 8;

function oneOf<T>(all: readonly T[], pick: number, then: (one: T) => unknown): unknown {
  return all.length ? then(all[pick % all.length]) : undefined;
}

/** The database is away for long enough to give up on a batch, while a model goes on. */
async function outage(world: World, pick: number): Promise<void> {
  world.network.goDown();
  for (const ms of [5_000, LEASE_MS]) {
    oneOf(world.talking, pick, (feed) => feed.say(1));
    await world.pass(ms);
  }
  world.network.goUp();
}

/** A process that is awake, with the rest of the choice. */
const onProcess =
  (then: (world: World, process: World['processes'][number], pick: number) => unknown): Move =>
  (world, pick) =>
    oneOf(world.awake, pick, (process) => then(world, process, Math.floor(pick / world.awake.length)));

/** All that may happen, and how often compared with the rest. What cannot happen at the moment is passed over. */
const MOVES = {
  turn: [4, onProcess((world, process, pick) => world.turn(process, pick, 'reject'))],
  queue: [3, onProcess((world, process, pick) => world.turn(process, pick, 'queue'))],
  interrupt: [1, onProcess((world, process, pick) => world.turn(process, pick, 'interrupt'))],
  say: [10, (world, pick) => oneOf(world.talking, pick, (feed) => feed.say(1 + (pick % 4)))],
  finish: [3, (world, pick) => oneOf(world.talking, pick, (feed) => feed.finish())],
  breakOff: [1, (world, pick) => oneOf(world.talking, pick, (feed) => feed.breakOff(pick))],
  stop: [2, onProcess((world, process, pick) => world.stop(process, world.tables.open, pick))],
  cancel: [1, onProcess((world, process, pick) => world.stop(process, world.tables.queued, pick))],
  join: [
    4,
    onProcess((world, process, pick) => {
      if (world.readers.length < MAX_READERS) world.join(process, pick);
    }),
  ],
  drop: [
    1,
    (world, pick) =>
      oneOf(
        world.readers.filter((reader) => reader.at),
        pick,
        (reader) => reader.drop(),
      ),
  ],
  resume: [
    3,
    onProcess((world, process, pick) =>
      oneOf(
        world.readers.filter((reader) => !reader.at),
        pick,
        (reader) => reader.connect(process),
      ),
    ),
  ],
  execute: [8, (world, pick) => world.network.execute(pick)],
  executeUnheard: [2, (world, pick) => world.network.executeUnheard(pick)],
  answer: [8, (world, pick) => world.network.answer(pick)],
  settle: [12, (world) => world.pass(0)],
  overtake: [3, (world) => world.overtake()],
  fail: [3, (world, pick) => world.network.fail(pick, false)],
  failNow: [2, (world, pick) => world.network.fail(pick, true)],
  goDown: [1, (world) => world.network.goDown()],
  goUp: [3, (world) => world.network.goUp()],
  outage: [1, (world, pick) => outage(world, pick)],
  pass: [4, (world, pick) => world.pass([50, 500, 5_000, LEASE_MS + 1][pick % 4])],
  stall: [
    3,
    (world, pick) => clock.moveTo(clock.now + [50, 500, 5_000, LEASE_MS + 1][pick % 4], world.settled),
  ],
  jump: [
    1,
    (world, pick) => (world.tables.clockOffset += [-3_600_000, -5_000, 5_000, LEASE_MS + 1][pick % 4]),
  ],
  start: [
    2,
    async (world) => {
      if (world.processes.length < MAX_PROCESSES) await world.start();
    },
  ],
  kill: [2, (world, pick) => oneOf(world.processes, pick, (process) => world.kill(process))],
  shutDown: [1, onProcess((world, process) => world.shutDown(process))],
  pause: [2, onProcess((_world, { life }) => (life.paused = true))],
  goOn: [
    3,
    (world, pick) =>
      oneOf(
        world.processes.filter(({ life }) => life.paused),
        pick,
        ({ life }) => world.goOn(life),
      ),
  ],
  look: [6, onProcess((_world, { life }) => clock.look(life))],
  checkpoint: [3, onProcess((world, process) => world.checkpoint(process))],
  sweep: [3, onProcess((world, process) => world.sweep(process))],
} satisfies Record<string, [weight: number, move: Move]>;

type MoveName = keyof typeof MOVES;
export type Story = readonly (readonly [MoveName, number])[];

const NAMES = Object.keys(MOVES) as MoveName[];
/** Without these little else can happen. */
const ALWAYS: readonly MoveName[] = ['say', 'settle', 'pass'];

/** Each story draws on some of the moves only: what is rare among all of them is common among a few. */
export const stories: fc.Arbitrary<Story> = fc.subarray(NAMES, { minLength: 3 }).chain((some) =>
  fc.array(fc.tuple(fc.constantFrom(...byWeight([...some, ...ALWAYS])), fc.nat(15)), {
    maxLength: 50,
    size: 'max',
  }),
);

function byWeight(names: MoveName[]): MoveName[] {
  return [...new Set(names)].flatMap((name) => Array<MoveName>(MOVES[name][0]).fill(name));
}

/** Two processes and a reply are there; then the story happens, then all comes to rest. */
export async function tell(world: World, story: Story): Promise<void> {
  await world.start();
  await world.start();
  await world.pass(0);
  world.turn(world.processes[0], 0, 'reject');
  await world.pass(0);
  for (const process of world.processes) world.join(process, 0);
  await world.pass(0);
  for (const [name, pick] of story) {
    const move: Move = MOVES[name][1];
    await move(world, pick);
    await world.settled();
    world.checks.now(world.readers);
  }
}
