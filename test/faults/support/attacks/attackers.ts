import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Notice, Order } from './attacker-process';

const RUN = join(__dirname, '../../../integration/database/child/run-typescript.cjs');

/** An attack that has been prepared. */
export interface Prepared {
  /** Lets it begin. */
  go(): void;
  /** Ends it; what came back, by status or error. */
  stop(): Promise<Record<string, number>>;
}

/** The process of the attackers, as the scenario sees it. */
export class Attackers {
  private readonly listeners = new Map<number, (notice: Notice) => void>();
  private ids = 0;

  private constructor(
    private readonly child: ChildProcess,
    /** The provider that all attackers bring. */
    readonly models: string,
  ) {
    child.on('message', (notice: Notice) => this.listeners.get(notice.id)?.(notice));
  }

  static async start(): Promise<Attackers> {
    const child = fork(RUN, [join(__dirname, 'attacker-process.ts')], { execArgv: [] });
    const models = await new Promise<string>((resolve, reject) => {
      child.once('exit', () => reject(new Error('The attackers have ended.')));
      child.once('message', (notice: Notice) => resolve(notice.type === 'ready' ? notice.models : ''));
    });
    return new Attackers(child, models);
  }

  /** Prepares the attack with this index of the catalogue, or the honest form of it. */
  async prepare(index: number, url: string, honest: boolean): Promise<Prepared> {
    const id = ++this.ids;
    const stopped = Promise.withResolvers<Record<string, number>>();
    const prepared = Promise.withResolvers<void>();
    this.listeners.set(id, (notice) => {
      if (notice.type === 'prepared') prepared.resolve();
      if (notice.type === 'failed') prepared.reject(new Error(notice.reason));
      if (notice.type === 'stopped') stopped.resolve(notice.tally);
    });
    this.order({ id, type: 'begin', index, honest, url });
    await prepared.promise;
    return {
      go: () => this.order({ id, type: 'go' }),
      stop: () => {
        this.order({ id, type: 'stop' });
        return stopped.promise;
      },
    };
  }

  close(): void {
    this.child.kill('SIGKILL');
  }

  private order(order: Order): void {
    this.child.send(order);
  }
}
