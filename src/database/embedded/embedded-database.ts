import { cpSync, existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { ConfigError } from '../../config/config-error';
import { DataDirLock } from './data-dir-lock';
import { Engine, engineProgram } from './engine';
import { type EngineSession, EngineStream } from './engine-stream';
import { SessionGate } from './session-gate';

const MEMORY = 'memory://';
/** The cluster's folder in the data directory. */
export const CLUSTER = 'postgres';
/** Where a restore makes it, until it is complete. */
export const UNFINISHED_RESTORE = 'restore.partial';
/** Of PostgreSQL in this build. It reads no cluster of another one. */
export const ENGINE_MAJOR = '18';
/** The first start makes a new cluster; a slow disk or processor may take long over it. */
const START_LIMIT_MS = 120_000;
/** Recovery, VACUUM and a checkpoint of everything are longer than a statement may be. */
const MAINTENANCE_LIMIT_MS = 300_000;
const CLOSE_LIMIT_MS = 15_000;
const CHECK_LOG_EVERY_MS = 10_000;
const VACUUM_EVERY_MS = 3_600_000;

export interface EmbeddedDatabaseOptions {
  /** `DATA_DIR`, or `memory://` */
  dataDir: string;
  /** What a directory's new cluster is a copy of, if there is anything. */
  template?: () => Promise<string | undefined>;
}

/**
 * A PostgreSQL inside this process, for one process on one machine. It has one session, so a pool for it must have one
 * client; further clients wait for their turn.
 *
 * What was committed survives the end of the process, however it ends. It is handed to the operating system but not
 * forced to the disk (no fsync), so a power failure or a crash of the machine may lose the last seconds; use a real
 * PostgreSQL where that matters. If the thread dies, or a statement never ends, the next client starts it again.
 */
export class EmbeddedDatabase {
  private readonly gate = new SessionGate();
  private readonly lock?: DataDirLock;
  private running?: Promise<Engine>;
  private current?: Engine;
  private maintenance?: NodeJS.Timeout;
  private lastVacuum = Date.now();
  private onLost?: (reason: Error) => void;
  /** Of those that need the log from where it was when they came. */
  private readonly keepers = new Set<AbortController>();
  private closed = false;

  constructor(private readonly options: EmbeddedDatabaseOptions) {
    if (!this.inMemory) this.lock = new DataDirLock(resolve(options.dataDir));
  }

  /** Starts the engine now rather than with the first client. Throws a `ConfigError` if another process uses the directory. */
  async start(): Promise<void> {
    await this.engine();
  }

  /**
   * For `stream` in a pg client's configuration. A statement that runs for longer than `statementLimitMs` ends in
   * SQLSTATE 57014 and takes the connection with it.
   */
  streams(statementLimitMs: number): () => Duplex {
    return () => new EngineStream((signal, onLost) => this.openSession(statementLimitMs, signal, onLost));
  }

  /**
   * No checkpoint is made, and so nothing of the write-ahead log is recycled, until `release` is called: for a copy of the files while
   * they are being written. `signal` aborts when the engine ends, which may be started again without that log.
   */
  keepLog(): { signal: AbortSignal; release: () => void } {
    const keeper = new AbortController();
    this.keepers.add(keeper);
    return { signal: keeper.signal, release: () => void this.keepers.delete(keeper) };
  }

  /** Shuts down cleanly. Clients should have gone before. */
  async close(): Promise<void> {
    this.closed = true;
    this.abandonKeepers(new Error('The embedded database is closed.'));
    clearInterval(this.maintenance);
    const engine = await this.running?.catch(() => undefined);
    if (engine) await stop(engine);
    await this.lock?.release();
  }

  private get inMemory(): boolean {
    return this.options.dataDir === MEMORY;
  }

  private engine(): Promise<Engine> {
    this.running ??= this.startEngine().catch((error: unknown) => {
      this.running = undefined;
      throw error;
    });
    return this.running;
  }

  private async startEngine(): Promise<Engine> {
    if (this.closed) throw new Error('The embedded database is closed.');
    const engine = await this.launch(await this.prepareCluster());
    this.current = engine;
    this.maintenance ??= setInterval(() => void this.maintain(), CHECK_LOG_EVERY_MS).unref();
    return engine;
  }

  private async launch(directory?: string): Promise<Engine> {
    const settings = { directory, program: await engineProgram() };
    const engine = new Engine(settings, (reason) => this.engineGone(engine, reason));
    await engine.started(START_LIMIT_MS);
    return engine;
  }

  /** The directory of the cluster; undefined in memory. */
  private async prepareCluster(): Promise<string | undefined> {
    if (!this.lock) return undefined;
    await this.lock.acquire();
    const dataDir = resolve(this.options.dataDir);
    refuseUnfinished(dataDir);
    const directory = join(dataDir, CLUSTER);
    if (!existsSync(directory)) await this.createCluster(directory);
    else await assertVersion(directory);
    return directory;
  }

  /**
   * Beside its place first, so that an interrupted first start leaves nothing half made. The thread that made it is not kept:
   * it holds some 300 MB more than one that finds a cluster.
   */
  private async createCluster(directory: string): Promise<void> {
    const draft = `${directory}.new`;
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    const template = await this.options.template?.();
    // A thousand files: one by one through the thread pool they take three times as long, and nobody is served yet. With a filter Node
    // says what is wrong (ENOSPC); without one every failure is EIO.
    if (template) cpSync(template, draft, { recursive: true, filter: () => true });
    else await stop(await this.launch(draft));
    await rename(draft, directory);
  }

  private engineGone(engine: Engine, reason: Error): void {
    if (engine !== this.current) return;
    this.current = undefined;
    this.running = undefined;
    this.abandonKeepers(reason);
    this.onLost?.(reason);
  }

  private abandonKeepers(reason: Error): void {
    for (const keeper of this.keepers) keeper.abort(reason);
  }

  private async openSession(
    limitMs: number,
    signal: AbortSignal,
    onLost: (reason: Error) => void,
  ): Promise<EngineSession> {
    const leave = await this.gate.enter(signal);
    try {
      const engine = await this.engine();
      this.onLost = onLost;
      return this.sessionOn(engine, limitMs, leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  private sessionOn(engine: Engine, limitMs: number, leave: () => void): EngineSession {
    let open = true;
    return {
      execute: async (data) => (await engine.request({ kind: 'execute', data }, limitMs)).data,
      close: () => {
        if (!open) return;
        open = false;
        this.onLost = undefined;
        // Queued behind whatever the client had still running.
        engine.request({ kind: 'reset' }, limitMs).then(leave, leave);
      },
    };
  }

  private async maintain(): Promise<void> {
    const engine = await this.running?.catch(() => undefined);
    if (!engine?.alive || !engine.idle) return;
    const vacuum = Date.now() - this.lastVacuum > VACUUM_EVERY_MS;
    if (vacuum) this.lastVacuum = Date.now();
    // A failure here shows again in the statements of the clients; there is nobody to tell.
    const checkpoint = this.keepers.size === 0;
    await engine
      .request({ kind: 'maintain', vacuum, checkpoint }, MAINTENANCE_LIMIT_MS)
      .catch(() => undefined);
  }
}

/** A clean shutdown, or the end of the thread if that does not work. */
async function stop(engine: Engine): Promise<void> {
  await engine.request({ kind: 'close' }, CLOSE_LIMIT_MS).catch(() => undefined);
  await engine.terminate();
}

/** A service that started now would have an empty database, and nobody would know. */
function refuseUnfinished(dataDir: string): void {
  if (!existsSync(join(dataDir, UNFINISHED_RESTORE))) return;
  throw new ConfigError([
    `DATA_DIR: a restore into ${dataDir} was interrupted; run "npm run restore -- FILE" again, or delete ${UNFINISHED_RESTORE} there to start without it.`,
  ]);
}

async function assertVersion(directory: string): Promise<void> {
  const version = (await readFile(join(directory, 'PG_VERSION'), 'utf8').catch(nothingIfAbsent)).trim();
  if (version === ENGINE_MAJOR) return;
  throw new ConfigError([
    version === ''
      ? `DATA_DIR: ${directory} is no complete database (it has no PG_VERSION); restore a backup into an empty DATA_DIR.`
      : `DATA_DIR: ${directory} is a database of PostgreSQL ${version}, and this version of the service has ${ENGINE_MAJOR}: start the version that made it, and see "Upgrade" in docs/operate.md.`,
  ]);
}

/** Another error tells more than that nothing is there, e.g. that this user may not read it. */
function nothingIfAbsent(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return '';
  throw error;
}
