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
/** Answers that fit are collected here. */
const room = new Uint8Array(1024 ** 2);
const SYNC = Uint8Array.of(0x53, 0, 0, 0, 4);

if (!parentPort) throw new Error('This file is the main module of a worker thread.');
const port = parentPort;
const engine = await startEngine(workerData as EngineSettings);

port.on('message', (request: EngineRequest) => void answer(request));
port.postMessage({} satisfies EngineReply);

async function startEngine({ directory, program }: EngineSettings): Promise<PGlite> {
  return PGlite.create({
    dataDir: directory ?? 'memory://',
    pgliteWasmModule: program,
    startParams: [
      ...PGlite.defaultStartParams,
      ...setting('shared_buffers', '32MB'),
      ...setting('min_wal_size', '32MB'),
      ...setting('max_wal_size', '64MB'),
      // A new segment of the log would be written from 16 MB of zeros in memory.
      ...setting('wal_init_zero', 'off'),
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
    case 'execute': {
      const data = await execute(request.data);
      free(request.data);
      return data;
    }
    case 'reset':
      return reset();
    case 'maintain':
      return maintain(request);
    case 'close':
      await engine.close();
  }
  return undefined;
}

async function execute(message: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  let collected = room;
  let size = 0;
  // The pieces are views of the engine's memory: they are gone as soon as it goes on.
  await engine.execProtocolRawStream(message, {
    syncToFs: false,
    onRawData: (piece) => {
      if (size + piece.length > collected.length) collected = enlarge(collected, size + piece.length);
      collected.set(piece, size);
      size += piece.length;
    },
  });
  const data = collected.slice(0, size);
  if (collected !== room) free(collected);
  return data;
}

function enlarge(bytes: Uint8Array<ArrayBuffer>, atLeast: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(2 * bytes.length, atLeast));
  larger.set(bytes);
  if (bytes !== room) free(bytes);
  return larger;
}

/** At once: the thread makes little garbage of other kinds, so the next collection may be tens of megabytes away. */
function free({ buffer }: Uint8Array<ArrayBuffer>): void {
  buffer.transfer(0);
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

async function maintain({
  vacuum,
  checkpoint,
}: {
  vacuum: boolean;
  checkpoint: boolean;
}): Promise<undefined> {
  if (engine.isInTransaction()) return;
  if (vacuum) await engine.exec('VACUUM (ANALYZE)');
  if (!checkpoint) return;
  const { rows } = await engine.query<{ due: boolean }>(
    'SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn) > $1 AS due FROM pg_control_checkpoint()',
    [CHECKPOINT_AFTER_BYTES],
  );
  if (rows[0]?.due) await engine.exec('CHECKPOINT');
}
