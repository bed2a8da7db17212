import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { VERSION } from '../common/version';
import { UsageError } from '../common/usage-error';
import { AppConfig } from '../config/app-config';
import type { BackupSummary } from '../database/backup/backup-format';
import { ClusterBackup } from '../database/backup/cluster-backup';
import { EmbeddedDatabase } from '../database/embedded/embedded-database';
import { TransactionRunner } from '../database/transaction-runner';
import { ControlCommands, type ControlRun } from './control/control-commands';

/** Takes a backup for `npm run backup`, beside all that the process does otherwise. */
@Injectable()
export class BackupCommand implements OnModuleInit {
  private taking = false;

  constructor(
    private readonly commands: ControlCommands,
    private readonly config: AppConfig,
    private readonly db: TransactionRunner,
    @Inject(EmbeddedDatabase) private readonly embedded: EmbeddedDatabase | undefined,
  ) {}

  onModuleInit(): void {
    this.commands.define('backup', (run) => this.take(run));
  }

  private async take({ send, signal }: ControlRun): Promise<BackupSummary> {
    if (!this.embedded) throw new UsageError('The service uses a PostgreSQL: pg_dump takes its backups.');
    if (this.taking) throw new UsageError('A backup is being taken already.');
    this.taking = true;
    try {
      const backup = new ClusterBackup({
        dataDir: this.config.database.dataDir,
        embedded: this.embedded,
        query: (statement) => this.db.query(statement),
        version: VERSION,
      });
      await send(backup.stream(signal));
      return backup.result;
    } finally {
      this.taking = false;
    }
  }
}
