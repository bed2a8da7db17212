import type { Logger } from 'typeorm';

/** TypeORM's own loggers print parameters, which are what people wrote, and some lines even when they are switched off. */
export class SilentLogger implements Logger {
  logQuery(): void {}
  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
