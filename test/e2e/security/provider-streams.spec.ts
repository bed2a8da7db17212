import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../support/api-client';
import { raw, reply, stream, text } from '../../support/model-server/behaviours';
import type { Behaviour } from '../../support/model-server/exchange';
import { percentile } from '../../support/percentile';
import { SpawnedService } from '../../support/spawned-service';
import { useModelServer } from '../../support/use-model-server';

/*
 * A provider that sends what is expensive to read, to many replies at once, and somebody else who only wants to see the models.
 */

const READERS = 20;
const ATTACK_MS = 4_000;

let directory: string;
const model = useModelServer();
let service: SpawnedService;
let url: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'parley-provider-streams-'));
  service = new SpawnedService(directory, { ...model.env, LLM_MAX_RETRIES: '0' });
  url = await service.ready();
}, 60_000);
afterAll(async () => {
  await service.kill();
  rmSync(directory, { recursive: true, force: true });
});

/** The same without an end, after a word. */
function forever(piece: string): Behaviour {
  const bytes = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
  return stream(text('Hi'), async (exchange) => {
    for (;;) await exchange.write(bytes);
  });
}

/** One after the other, for a while. */
async function askAgain(user: string, until: number): Promise<string[]> {
  const mallory = ApiClient.of(url, user);
  const { id } = await mallory.conversation();
  const codes: string[] = [];
  while (Date.now() < until) {
    const { body } = await mallory.post<{ code?: string }>(`/chat/${id}`, { content: 'Go on.' });
    codes.push(body.code ?? 'completed');
  }
  return codes;
}

async function latencies(ms: number): Promise<number[]> {
  const alice = ApiClient.of(url, 'alice');
  const measured: number[] = [];
  for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) {
    const began = performance.now();
    expect((await alice.get('/models')).status).toBe(200);
    measured.push(performance.now() - began);
  }
  return measured;
}

async function underLoad(behaviour: Behaviour) {
  model.otherwise(behaviour);
  const until = Date.now() + ATTACK_MS;
  const askers = Array.from({ length: READERS }, (_, index) => askAgain(`mallory-${index}`, until));
  const measured = await latencies(ATTACK_MS);
  return { p95: percentile(measured, 0.95), codes: new Set((await Promise.all(askers)).flat()) };
}

it.each([
  ['line feeds with a carriage return among them', `${'\n'.repeat(65_535)}\r`],
  ['data lines without text', 'data:\n'],
  ['events that bring nothing', 'data:0\n\n'],
  ['lists in lists', `data: ${'['.repeat(1_000_000)}\n\n`],
])(
  '%s do not keep others waiting',
  async (_what, piece) => {
    const quiet = percentile(await latencies(1_000), 0.95);
    const honest = await underLoad(reply('A plain answer.'));
    const hostile = await underLoad(forever(piece));
    expect([...hostile.codes]).toEqual(['provider_invalid_response']);
    expect(hostile.p95).toBeLessThan(Math.max(6_000, 10 * quiet, 10 * honest.p95));
    // It lives, and reads others' answers.
    model.otherwise(stream(raw(': hello\r\n\r\n'), reply('Still there.')));
    const alice = ApiClient.of(url, 'alice');
    expect((await alice.say((await alice.conversation()).id, 'Hello?')).response).toBe('Still there.');
  },
  120_000,
);
