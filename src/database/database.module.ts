import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { ObservabilityModule } from '../observability/observability.module';
import { Observer } from '../observability/observer';
import { connectionOptions } from './connection-options';
import { DatabaseConnector } from './database-connector';
import { DatabaseState } from './database-state';
import { DatabaseWatch } from './database-watch';
import { EmbeddedDatabase } from './embedded/embedded-database';
import { FailedStatements } from './failed-statements';
import { preparedCluster } from './prepared-cluster';
import { StorageWatch } from './storage-watch';
import { TransactionRunner } from './transaction-runner';

/** `EmbeddedDatabase` is absent when there is a real PostgreSQL. A module of its own, because TypeORM's options need both. */
@Global()
@Module({
  providers: [
    {
      provide: EmbeddedDatabase,
      useFactory: ({ database }: AppConfig) =>
        database.url ? undefined : new EmbeddedDatabase({ ...database, template: preparedCluster }),
      inject: [AppConfig],
    },
    FailedStatements,
  ],
  exports: [EmbeddedDatabase, FailedStatements],
})
class BelowConnectionsModule {}

/**
 * The connection to the database. Features register their entities with `TypeOrmModule.forFeature` and query through
 * `TransactionRunner`.
 */
@Global()
@Module({
  imports: [
    BelowConnectionsModule,
    TypeOrmModule.forRootAsync({
      imports: [ObservabilityModule],
      useFactory: (...[{ database }, embedded, observer, failed]: ConnectionParts) => ({
        ...connectionOptions(database, embedded, { observer, onError: (error) => failed.next(error) }),
        autoLoadEntities: true,
        // DatabaseConnector does it, so that a database that is down does not hold up the start.
        manualInitialization: true,
      }),
      inject: [AppConfig, EmbeddedDatabase, Observer, FailedStatements],
    }),
  ],
  providers: [
    TransactionRunner,
    DatabaseState,
    DatabaseWatch,
    StorageWatch,
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
  exports: [TransactionRunner, DatabaseState, DatabaseWatch, StorageWatch],
})
export class DatabaseModule {}

type ConnectionParts = [AppConfig, EmbeddedDatabase | undefined, Observer, FailedStatements];
