import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { ObservabilityModule } from '../observability/observability.module';
import { Observer } from '../observability/observer';
import { connectionOptions } from './connection-options';
import { DatabaseConnector } from './database-connector';
import { DatabaseState } from './database-state';
import { EmbeddedDatabase } from './embedded/embedded-database';
import { preparedCluster } from './prepared-cluster';
import { TransactionRunner } from './transaction-runner';

/** Absent when there is a real PostgreSQL. A module of its own, because TypeORM's options need it. */
@Global()
@Module({
  providers: [
    {
      provide: EmbeddedDatabase,
      useFactory: ({ database }: AppConfig) =>
        database.url ? undefined : new EmbeddedDatabase({ ...database, template: preparedCluster }),
      inject: [AppConfig],
    },
  ],
  exports: [EmbeddedDatabase],
})
class EmbeddedDatabaseModule {}

/**
 * The connection to the database. Features register their entities with `TypeOrmModule.forFeature` and query through
 * `TransactionRunner`.
 */
@Global()
@Module({
  imports: [
    EmbeddedDatabaseModule,
    TypeOrmModule.forRootAsync({
      imports: [ObservabilityModule],
      useFactory: ({ database }: AppConfig, embedded: EmbeddedDatabase | undefined, observer: Observer) => ({
        ...connectionOptions(database, embedded, { observer }),
        autoLoadEntities: true,
        // DatabaseConnector does it, so that a database that is down does not hold up the start.
        manualInitialization: true,
      }),
      inject: [AppConfig, EmbeddedDatabase, Observer],
    }),
  ],
  providers: [
    TransactionRunner,
    DatabaseState,
    {
      provide: DatabaseConnector,
      useFactory: (
        config: AppConfig,
        dataSource: DataSource,
        state: DatabaseState,
        embedded: EmbeddedDatabase | undefined,
      ) => new DatabaseConnector(config, dataSource, state, embedded),
      inject: [AppConfig, DataSource, DatabaseState, EmbeddedDatabase],
    },
  ],
  exports: [TransactionRunner, DatabaseState],
})
export class DatabaseModule {}
