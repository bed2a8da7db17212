import { ATTACKS } from './catalogue';
import { Field } from './field';
import { HostileModels } from './hostile-models';

/*
 * The attackers, in a process of their own, so that what they do costs the innocent user's event loop nothing. A parent says
 * which one begins and which one stops; this says when it is prepared, and what came back.
 */

export type Order =
  | { id: number; type: 'begin'; index: number; honest: boolean; url: string }
  | { id: number; type: 'go' | 'stop' };
export type Notice =
  | { id: 0; type: 'ready'; models: string }
  | { id: number; type: 'prepared' }
  | { id: number; type: 'failed'; reason: string }
  | { id: number; type: 'stopped'; tally: Record<string, number> };

interface Running {
  over: AbortController;
  go: () => void;
}

const running = new Map<number, Running>();
const tell = (notice: Notice) => process.send?.(notice);
let places = 0;

async function main(): Promise<void> {
  const models = await HostileModels.start();
  process.on('message', (order: Order) => {
    if (order.type === 'begin') void begin(order);
    if (order.type === 'go') running.get(order.id)?.go();
    if (order.type === 'stop') running.get(order.id)?.over.abort();
  });
  process.on('disconnect', () => process.exit());
  tell({ id: 0, type: 'ready', models: models.url });
}

async function begin({ id, index, honest, url }: Extract<Order, { type: 'begin' }>): Promise<void> {
  const over = new AbortController();
  // With its field it goes, and with it what it has still to say in replies whose readers have left.
  const models = await HostileModels.start();
  const gate = Promise.withResolvers<void>();
  const field = new Field(url, ++places, models, over.signal);
  over.signal.addEventListener('abort', () => gate.resolve());
  running.set(id, { over, go: gate.resolve });
  await take(id, field, ATTACKS[index], { honest, gate: gate.promise });
  running.delete(id);
  await models.close();
}

async function take(
  id: number,
  field: Field,
  { prepare, attack, honest: honestly }: (typeof ATTACKS)[number],
  { honest, gate }: { honest: boolean; gate: Promise<void> },
): Promise<void> {
  try {
    await (prepare ? prepare(field) : field.person());
    tell({ id, type: 'prepared' });
    await gate;
    await (honest ? honestly : attack)(field);
  } catch (error) {
    if (!field.over.aborted) tell({ id, type: 'failed', reason: String(error) });
    field.count(String(error));
  }
  tell({ id, type: 'stopped', tally: field.tally });
}

void main();
