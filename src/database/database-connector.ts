import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { connectionOptions } from './connection-options';
import { explainFatal, isUnavailableAtBoot } from './boot-error';
import { DatabaseState } from './database-state';
import { EmbeddedDatabase } from './embedded/embedded-database';
import { migrate } from './migrations';
import { assertSchemaComplete } from './schema-check';

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 2000;
const LOG_EVERY_MS = 10_000;
const START_WITHOUT_AFTER_MS = 10_000;
const CLOSE_WAIT_MS = 2000;

/**
 * Connects and migrates when the application starts. A database that cannot be reached is waited for, without holding up
 * the start; anything else that is wrong (password, schema) ends it.
 */
@Injectable()
export class DatabaseConnector implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Database');
  private readonly stopped = new AbortController();
  private readonly unreachable = Promise.withResolvers<void>();
  private settled: Promise<void> = Promise.resolve();
  private reportedAt = 0;

  constructor(
    private readonly config: AppConfig,
    private readonly dataSource: DataSource,
    private readonly state: DatabaseState,
    private readonly embedded: EmbeddedDatabase | undefined,
  ) {}

  /**
   * Holds up the start until the database is ready, or turns out to be out of reach, or has work to do that takes longer (a
   * big migration, another instance's): the service then listens without it.
   */
  async onModuleInit(): Promise<void> {
    let started = false;
    const connecting = this.connectUntilReady();
    this.settled = connecting.catch((error: unknown) => {
      if (started) this.giveUp(error);
    });
    const patience = this.embedded ? [] : [this.unreachable.promise, this.pause(START_WITHOUT_AFTER_MS)];
    try {
      await Promise.race([connecting, ...patience]);
    } catch (error) {
      // Nest calls no shutdown hook for a start that fails, and the engine's thread would keep the process.
      await this.onApplicationShutdown();
      throw this.explained(error);
    }
    started = true;
  }

  /** The pool first, then the engine below it. */
  async onApplicationShutdown(): Promise<void> {
    this.stopped.abort();
    await Promise.race([this.settled, sleep(CLOSE_WAIT_MS, undefined, { ref: false })]);
    this.state.markClosed();
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    await this.embedded?.close();
  }

  private async connectUntilReady(): Promise<void> {
    let delay = FIRST_DELAY_MS;
    do {
      try {
        return await this.connect();
      } catch (error) {
        if (this.embedded || !isUnavailableAtBoot(error)) throw error;
        this.report(error);
      }
      delay = Math.min(delay * 1.6, LONGEST_DELAY_MS);
    } while (await this.pause(delay));
  }

  private async connect(): Promise<void> {
    await this.embedded?.start();
    const options = connectionOptions(this.config.database, this.embedded, { unlimited: true });
    const ran = await migrate(options, { exclusive: this.embedded !== undefined });
    if (ran.length > 0) this.logger.log(`Migrations run: ${ran.join(', ')}`);
    if (!this.dataSource.isInitialized) await this.dataSource.initialize();
    await assertSchemaComplete(this.dataSource);
    this.state.markReady();
    if (this.reportedAt > 0) this.logger.log('The database is there.');
  }

  private report(error: unknown): void {
    this.unreachable.resolve();
    if (Date.now() - this.reportedAt < LOG_EVERY_MS) return;
    this.reportedAt = Date.now();
    const { code, message } = error as NodeJS.ErrnoException;
    const { host } = new URL(this.config.database.url ?? 'postgres:///');
    this.logger.warn(
      `DATABASE_URL: ${host || 'the database'} cannot be reached yet (${code || message}); trying until it can.`,
    );
  }

  /** False when the application is closing. */
  private pause(ms: number): Promise<boolean> {
    return sleep(ms, true, { signal: this.stopped.signal }).catch(() => false);
  }

  private explained(error: unknown): Error {
    return explainFatal(error, this.embedded && this.config.database.dataDir);
  }

  /** The application is listening already but has answered nothing except 503: there is nothing to wind down. */
  private giveUp(error: unknown): void {
    this.logger.fatal(this.explained(error).message);
    process.exit(1);
  }
}
