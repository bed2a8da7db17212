import { extname, join } from 'node:path';
import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { connectionOptions } from './src/database/connection-options';
import { EmbeddedDatabase } from './src/database/embedded/embedded-database';
import { MIGRATION_FILES } from './src/database/migration-files';

/**
 * For TypeORM's command line, compiled: `typeorm migration:generate -d dist/ormconfig.js …`.
 *
 * With `DATABASE_URL` the commands work on that database. Without it they get a new one in memory with every migration
 * already run, so `migration:generate` needs nothing installed and `--check` compares the entities with the migrations.
 */
const config = {
  url: process.env.DATABASE_URL?.trim() || undefined,
  dataDir: 'memory://',
  poolMax: 1,
  connectionTimeoutMs: 10_000,
  statementTimeoutMs: 60_000,
};
const embedded = config.url ? undefined : new EmbeddedDatabase(config);

class ScratchDataSource extends DataSource {
  override async initialize(): Promise<this> {
    await super.initialize();
    await this.runMigrations();
    return this;
  }

  override async destroy(): Promise<void> {
    await super.destroy();
    await embedded?.close();
  }
}

const options = {
  ...connectionOptions(config, embedded, { unlimited: true }),
  entities: [join(__dirname, `src/**/*.entity${extname(__filename)}`)],
  migrations: [MIGRATION_FILES],
};

export default embedded ? new ScratchDataSource(options) : new DataSource(options);
