import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DatabaseState } from '../database/database-state';
import { StorageWatch } from '../database/storage-watch';
import { TransactionRunner } from '../database/transaction-runner';
import { QueueService } from '../messages/queue.service';
import { MetricsRegistry } from '../observability/metrics-registry';
import { ActiveReplies } from '../replies/produce/active-replies';

type Values = Readonly<Record<string, number>>;

/** Metrics that are states: they are read when somebody asks. Everything that happens is counted by `MetricsObserver`. */
@Injectable()
export class MetricsReadings implements OnModuleInit {
  constructor(
    private readonly metrics: MetricsRegistry,
    private readonly active: ActiveReplies,
    private readonly queue: QueueService,
    private readonly database: DatabaseState,
    private readonly storage: StorageWatch,
    private readonly db: TransactionRunner,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.read(
      'parley_replies_running',
      'Replies that this process is producing.',
      () => this.active.all.length,
    );
    await this.read(
      'parley_replies_queued',
      'Replies of all processes that wait for their turn; each process says the same.',
      () => this.queue.countQueued(),
    );
    await this.read('parley_database_up', '1 if the database answers and accepts writes.', async () =>
      Number(await this.database.check()),
    );
    await this.read('parley_storage_full', '1 while the disk of the database is full.', () =>
      Number(this.storage.full),
    );
    await this.read(
      'parley_database_connections',
      'Connections of the pool.',
      () => ({ busy: this.db.pool.total - this.db.pool.idle, idle: this.db.pool.idle }),
      'state',
    );
    await this.read(
      'parley_database_waiting',
      'Statements and transactions that wait for a connection.',
      () => this.db.pool.waiting,
    );
  }

  /** All metrics, in the text format of Prometheus. */
  text(): Promise<string> {
    return this.metrics.registry?.metrics() ?? Promise.resolve('');
  }

  /** What cannot be read at the moment is left as it was for one number, and left out of the text if it never was. */
  private async read(
    name: string,
    help: string,
    value: () => number | Values | Promise<number>,
    label?: string,
  ): Promise<void> {
    const { registry } = this.metrics;
    if (!registry) return;
    const { Gauge } = await import('prom-client');
    new Gauge({
      name,
      help,
      ...(label !== undefined && { labelNames: [label] }),
      registers: [registry],
      async collect() {
        const now = await Promise.resolve(value()).catch(() => NaN);
        if (typeof now === 'number') this.set(now);
        else for (const [of, number] of Object.entries(now)) this.set({ [label ?? '']: of }, number);
      },
    });
  }
}
