/**
 * The thread that runs PostgreSQL (PGlite). It answers strictly one request after the other.
 *
 * Node runs this file as it is in tests (type stripping) and compiled from `dist/`, so it is an ES module of its own
 * and imports only types from its neighbours.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import type { EngineReply, EngineRequest, EngineSettings } from './engine-messages.js';

/** A checkpoint once this much log has been written since the last one: three segments. */
const CHECKPOINT_AFTER_BYTES = 48 * 1024 * 1024;
const SYNC = Uint8Array.of(0x53, 0, 0, 0, 4);

if (!parentPort) throw new Error('This file is the main module of a worker thread.');
const port = parentPort;
const engine = await startEngine(workerData as EngineSettings);

port.on('message', (request: EngineRequest) => void answer(request));
port.postMessage({} satisfies EngineReply);

async function startEngine({ directory }: EngineSettings): Promise<PGlite> {
  return PGlite.create({
    dataDir: directory ?? 'memory://',
    startParams: [
      ...PGlite.defaultStartParams,
      ...setting('shared_buffers', '32MB'),
      ...setting('min_wal_size', '32MB'),
      ...setting('max_wal_size', '64MB'),
    ],
  });
}

function setting(name: string, value: string): string[] {
  return ['-c', `${name}=${value}`];
}

async function answer(request: EngineRequest): Promise<void> {
  try {
    const data = await perform(request);
    port.postMessage({ data } satisfies EngineReply, data ? [data.buffer] : []);
  } catch (error) {
    port.postMessage({ error: String(error) } satisfies EngineReply);
  }
}

async function perform(request: EngineRequest): Promise<Uint8Array<ArrayBuffer> | undefined> {
  switch (request.kind) {
    case 'execute':
      return execute(request.data);
    case 'reset':
      return reset();
    case 'maintain':
      return maintain(request.vacuum);
    case 'close':
      await engine.close();
  }
  return undefined;
}

async function execute(message: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  // The chunks are views of the engine's memory: they are gone as soon as it goes on.
  await engine.execProtocolRawStream(message, {
    syncToFs: false,
    onRawData: (bytes) => void chunks.push(new Uint8Array(bytes)),
  });
  return join(chunks);
}

function join(chunks: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  if (chunks.length === 1) return chunks[0];
  const all = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.length;
  }
  return all;
}

async function reset(): Promise<undefined> {
  // A client may have gone in the middle of an extended query that failed: the engine then skips until a Sync.
  await execute(SYNC);
  if (engine.isInTransaction()) await execute(query('ROLLBACK'));
  await execute(query('DISCARD ALL'));
}

function query(sql: string): Uint8Array {
  const text = new TextEncoder().encode(sql);
  const message = new Uint8Array(text.length + 6);
  message[0] = 0x51;
  new DataView(message.buffer).setInt32(1, text.length + 5);
  message.set(text, 5);
  return message;
}

async function maintain(vacuum: boolean): Promise<undefined> {
  if (engine.isInTransaction()) return;
  if (vacuum) await engine.exec('VACUUM (ANALYZE)');
  const { rows } = await engine.query<{ due: boolean }>(
    'SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn) > $1 AS due FROM pg_control_checkpoint()',
    [CHECKPOINT_AFTER_BYTES],
  );
  if (rows[0]?.due) await engine.exec('CHECKPOINT');
}
