import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { EmbeddedDatabase } from './embedded/embedded-database';

const CHECK_LIMIT_MS = 2000;

/** Whether the database can be worked with. */
@Injectable()
export class DatabaseState {
  private connected = false;
  private readonly waiting = Promise.withResolvers<void>();
  private probe?: Promise<boolean>;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(EmbeddedDatabase) private readonly embedded: EmbeddedDatabase | undefined,
  ) {}

  /** No other process can work with this database while this one does. */
  get exclusive(): boolean {
    return this.embedded !== undefined;
  }

  /** The first connection was made and the schema is up to date; it stays true when the database fails later. */
  get ready(): boolean {
    return this.connected;
  }

  /** Resolves when `ready`; for work in the background that has to begin with the database. May never resolve. */
  whenReady(): Promise<void> {
    return this.waiting.promise;
  }

  markReady(): void {
    this.connected = true;
    this.waiting.resolve();
  }

  markClosed(): void {
    this.connected = false;
  }

  /** Asks the database now, for two seconds at most: does it answer, and does it accept writes? Never rejects. */
  async check(): Promise<boolean> {
    if (!this.connected) return false;
    // One question at a time: a database that hangs is not asked again until the last question has come back.
    this.probe ??= this.ask().finally(() => {
      this.probe = undefined;
    });
    const abandon = new AbortController();
    const tooLate = sleep(CHECK_LIMIT_MS, false, { signal: abandon.signal, ref: false }).catch(() => false);
    return Promise.race([this.probe, tooLate]).finally(() => abandon.abort());
  }

  private async ask(): Promise<boolean> {
    try {
      const rows: { writable: boolean }[] = await this.dataSource.query(
        `SELECT current_setting('transaction_read_only') = 'off' AS writable`,
      );
      return rows.every(({ writable }) => writable);
    } catch {
      return false;
    }
  }
}
