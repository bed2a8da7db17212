import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DatabaseState } from '../database/database-state';
import { StorageWatch } from '../database/storage-watch';
import { TransactionRunner } from '../database/transaction-runner';
import { MetricsRegistry } from '../observability/metrics-registry';

/** How the database is now. */
@Injectable()
export class DatabaseReadings implements OnModuleInit {
  constructor(
    private readonly metrics: MetricsRegistry,
    private readonly database: DatabaseState,
    private readonly storage: StorageWatch,
    private readonly db: TransactionRunner,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.metrics.add({
      name: 'parley_database_up',
      help: '1 if the database answers and accepts writes.',
      value: async () => Number(await this.database.check()),
    });
    await this.metrics.add({
      name: 'parley_storage_full',
      help: '1 while the disk of the database is full.',
      value: () => Number(this.storage.full),
    });
    await this.metrics.add({
      name: 'parley_database_connections',
      help: 'Connections of the pool.',
      label: 'state',
      value: () => ({ busy: this.db.pool.total - this.db.pool.idle, idle: this.db.pool.idle }),
    });
    await this.metrics.add({
      name: 'parley_database_waiting',
      help: 'Statements and transactions that wait for a connection.',
      value: () => this.db.pool.waiting,
    });
  }
}
