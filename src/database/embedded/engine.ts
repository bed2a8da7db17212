import { readFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { EngineReply, EngineRequest, EngineSettings } from './engine-messages';

/** The engine went away, or was stopped because one request took too long. */
export class EngineError extends Error {
  /** A SQLSTATE, so that it reads like what a server would have said. */
  constructor(
    readonly code: '57014' | '57P02',
    message: string,
  ) {
    super(message);
    this.name = 'EngineError';
  }
}

let program: Promise<WebAssembly.Module> | undefined;

/** PostgreSQL, compiled once per process: it takes longer than all else that a thread does until it is ready. */
export function engineProgram(): Promise<WebAssembly.Module> {
  const file = join(dirname(require.resolve('@electric-sql/pglite')), 'pglite.wasm');
  return (program ??= readFile(file).then((bytes) => WebAssembly.compile(bytes)));
}

interface Job {
  request: EngineRequest;
  limitMs: number;
  resolve: (reply: EngineReply) => void;
  reject: (error: Error) => void;
}

/** The thread with PostgreSQL in it: one request at a time, each with a limit after which the thread is ended. */
export class Engine {
  private readonly worker: Worker;
  private readonly waiting: Job[] = [];
  private current?: Job;
  private timer?: NodeJS.Timeout;
  private failure?: EngineError;

  /** `onGone` is called once, however the thread ends. */
  constructor(
    settings: EngineSettings,
    private readonly onGone: (reason: EngineError) => void,
  ) {
    this.worker = new Worker(workerFile(), {
      workerData: settings,
      execArgv: [],
      // Deeply nested values need a deep stack; with the usual one they end in a hang instead of an error.
      resourceLimits: { stackSizeMb: 256 },
    });
    this.worker.on('message', (reply: EngineReply) => this.settle(reply));
    this.worker.on('error', (error) =>
      this.fail(new EngineError('57P02', `The embedded database failed: ${error.message}`)),
    );
    this.worker.on('exit', () => this.fail(new EngineError('57P02', 'The embedded database has ended.')));
  }

  /** Resolves when the engine accepts requests; called once, before any request. */
  started(limitMs: number): Promise<EngineReply> {
    return new Promise((resolve, reject) => {
      this.current = { request: { kind: 'reset' }, limitMs, resolve, reject };
      this.watch(limitMs);
    });
  }

  get alive(): boolean {
    return this.failure === undefined;
  }

  get idle(): boolean {
    return this.current === undefined;
  }

  /** The answer to one request. Without an answer within `limitMs` the thread is ended, and this rejects. */
  request(request: EngineRequest, limitMs: number): Promise<EngineReply> {
    return new Promise((resolve, reject) => {
      if (this.failure) return reject(this.failure);
      this.waiting.push({ request, limitMs, resolve, reject });
      if (!this.current) this.next();
    });
  }

  /** Ends the thread at once, as a crash would. */
  async terminate(): Promise<void> {
    this.fail(new EngineError('57P02', 'The embedded database was closed.'));
    await this.worker.terminate();
  }

  private next(): void {
    const job = this.waiting.shift();
    if (!job) return;
    this.current = job;
    this.watch(job.limitMs);
    this.worker.postMessage(job.request, job.request.kind === 'execute' ? [job.request.data.buffer] : []);
  }

  private watch(limitMs: number): void {
    // Neither statement_timeout nor cancel works inside the engine; ending the thread is what is left.
    if (Number.isFinite(limitMs)) this.timer = setTimeout(() => void this.giveUp(), limitMs);
  }

  private async giveUp(): Promise<void> {
    this.fail(new EngineError('57014', 'The statement took too long; the embedded database was restarted.'));
    await this.worker.terminate();
  }

  private settle(reply: EngineReply): void {
    const job = this.current;
    if (!job) return;
    clearTimeout(this.timer);
    this.current = undefined;
    if (reply.error === undefined) job.resolve(reply);
    else job.reject(new EngineError('57P02', reply.error));
    this.next();
  }

  private fail(reason: EngineError): void {
    if (this.failure) return;
    this.failure = reason;
    clearTimeout(this.timer);
    for (const job of [this.current, ...this.waiting.splice(0)]) job?.reject(reason);
    this.current = undefined;
    this.onGone(reason);
  }
}

/** Beside this file, TypeScript or compiled as this file is. */
function workerFile(): string {
  return join(__dirname, extname(__filename) === '.ts' ? 'engine-worker.mts' : 'engine-worker.mjs');
}
