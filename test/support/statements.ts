import { AsyncLocalStorage } from 'node:async_hooks';
import type { Server } from 'node:http';
import { Client } from 'pg';

export interface Statement {
  text: string;
  values: unknown[];
}

/** What requests send to the database; what runs in the background is not among it. Made before the application is. */
export class Statements {
  private readonly requests = new AsyncLocalStorage<Statement[]>();
  // eslint-disable-next-line typescript/unbound-method
  private readonly query = Client.prototype.query;
  private sent: Statement[] = [];

  constructor() {
    const { requests, query } = this;
    Client.prototype.query = function (this: Client, ...args: unknown[]) {
      const [config, values] = args as [string | Partial<Statement>, unknown[] | undefined];
      const { text = '', values: own = [] } = typeof config === 'string' ? { text: config, values } : config;
      requests.getStore()?.push({ text, values: own });
      return (query as (...all: unknown[]) => unknown).apply(this, args);
    } as typeof Client.prototype.query;
  }

  watch(server: Server): void {
    server.prependListener('request', () => this.requests.enterWith(this.sent));
  }

  /** Of the one request that this sends. */
  async of(send: () => Promise<unknown>): Promise<Statement[]> {
    this.sent = [];
    await send();
    return this.sent;
  }

  /** Of work that is not a request. */
  async during(work: () => Promise<unknown>): Promise<Statement[]> {
    const sent: Statement[] = [];
    await this.requests.run(sent, work);
    return sent;
  }

  restore(): void {
    Client.prototype.query = this.query;
  }
}
