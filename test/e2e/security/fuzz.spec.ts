import fc from 'fast-check';
import { ApiDescription } from '../../support/api-description';
import { FuzzedService } from '../../support/fuzz/fuzzed-service';
import { Pair } from '../../support/fuzz/people';
import { requestsOfAll, toCall } from '../../support/fuzz/requests';
import { print, Tally } from '../../support/fuzz/tally';
import type { Call } from '../../support/http-call';
import type { RandomRequest } from '../../support/schema-arbitrary';

const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 1500);
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
/** With the seed of a fault, the one request that it was. */
const PATH = process.env.FUZZ_PATH;
const PAIRS = 4;
/** As many requests in the name of the same user at once. */
const LANES_OF_PAIR = 4;
const MOST_SHOWN = 50;

interface Lane {
  seed: number;
  pair: Pair;
}

let service: FuzzedService;
let api: ApiDescription;
let lanes: Lane[];
let tally: Tally;
const faults: string[] = [];

beforeAll(async () => {
  service = await FuzzedService.start();
  api = await ApiDescription.at(service.url);
  const pairs = await Promise.all(Array.from({ length: PAIRS }, (_, i) => Pair.of(service, i === 0)));
  const all = pairs.flatMap((pair) => Array.from({ length: LANES_OF_PAIR }, () => pair));
  lanes = all.map((pair, i) => ({ seed: SEED + i, pair }));
}, 120_000);
afterAll(() => service.close());

async function run({ seed, pair }: Lane, numRuns: number): Promise<void> {
  const operations = new Map(api.operations.map((operation) => [operation.id, operation]));
  let index = 0;
  const property = fc.asyncProperty(requestsOfAll(api), async (random) => {
    const path = PATH ?? String(index);
    index += 1;
    const found = await faultsOf(random, pair);
    for (const fault of found) report(`FUZZ_SEED=${seed} FUZZ_PATH=${path} ${fault}`);
  });
  await fc.assert(property, { seed, path: PATH, numRuns, endOnFailure: true });

  async function faultsOf(random: RandomRequest, sender: Pair): Promise<string[]> {
    const operation = operations.get(random.operation);
    if (!operation) throw new Error(`There is no ${random.operation}.`);
    await sender.ready();
    const { canary } = sender.foreign;
    const request = toCall(random, operation, sender);
    const answer = await sender.send(request);
    tally.count(operation.id, answer.status);
    if (answer.status < 300) sender.restoreAfter(operation.id);
    const complaints = isOfOperation(request) ? api.complaintsAbout(operation, answer) : [];
    if (answer.status >= 500) complaints.push('it is a 5xx');
    if (!sender.isAdmin && answer.text.includes(canary)) complaints.push('it shows what is of somebody else');
    const shown = `${JSON.stringify(request).slice(0, 1000)} → ${answer.status} ${answer.text.slice(0, 300)}`;
    return complaints.length ? [`${operation.id}: ${complaints.join('; ')}: ${shown}`] : [];
  }
}

function report(fault: string): void {
  faults.push(fault);
  if (faults.length <= MOST_SHOWN) print(fault);
}

/** An id that is empty or only dots leads to another route, or to none. */
function isOfOperation({ path }: Call): boolean {
  return path.split('/').every((part, i) => i === 0 || !['', '.', '..'].includes(part));
}

it(
  `whatever is sent, what comes back is as documented (FUZZ_SEED=${SEED} FUZZ_REQUESTS=${REQUESTS})`,
  async () => {
    tally = new Tally();
    const { pid } = service;
    const forgetting = setInterval(() => service.forgetModelRequests(), 1000);
    const used = PATH ? lanes.slice(-1) : lanes;
    await Promise.all(used.map((lane) => run(lane, PATH ? 1 : Math.ceil(REQUESTS / used.length))));
    clearInterval(forgetting);
    print(`${tally.table()}\nseed ${SEED}: ${tally.summary()}, all by process ${pid}`);
    expect(faults).toEqual([]);
    expect(service.complaints).toEqual([]);
    if (PATH) return;
    // It was worth it only if hardly an operation was always refused.
    expect(tally.accepted.length / api.operations.length).toBeGreaterThan(0.8);
  },
  600_000 + REQUESTS * 60,
);

describe('afterwards', () => {
  const count = async (sql: string) => {
    const [row] = await service.rows(`SELECT count(*)::int AS count FROM ${sql}`);
    return (row as { count: number }).count;
  };

  it('the service works as before, and ends as it should', async () => {
    const { own } = await Pair.of(service, false);
    const headers = { authorization: `Bearer ${own.access}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ content: 'Still there?' });
    const url = `${service.url}/api/v1/chat/${own.conversation}`;
    const answer = await fetch(url, { method: 'POST', headers, body });
    expect(await answer.json()).toMatchObject({ response: 'Yes.' });
    expect(await service.stop()).toBe(0);
  });

  it('no reply is left running', async () => {
    expect(await count(`messages WHERE status = 'streaming'`)).toBe(0);
  });

  it('no row belongs to nothing, or to two users', async () => {
    const MIXED = [
      'messages m LEFT JOIN conversations c ON c.id = m.conversation_id WHERE c.id IS NULL OR c.user_id <> m.user_id',
      'feedback f LEFT JOIN messages m ON m.id = f.message_id WHERE m.id IS NULL OR m.user_id <> f.user_id OR m.conversation_id <> f.conversation_id',
      'messages m LEFT JOIN messages p ON p.id = m.parent_id WHERE m.parent_id IS NOT NULL AND (p.id IS NULL OR p.conversation_id <> m.conversation_id)',
      `messages WHERE role NOT IN ('user', 'assistant')`,
      // One that is deleted loses its messages first.
      'conversations c LEFT JOIN messages m ON m.id = c.active_leaf_id WHERE c.deleted_at IS NULL AND c.active_leaf_id IS NOT NULL AND (m.id IS NULL OR m.conversation_id <> c.id)',
    ];
    for (const sql of MIXED) expect([sql, await count(sql)]).toEqual([sql, 0]);
  });
});
