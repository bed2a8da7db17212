import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppConfig, type DatabaseConfig } from '../config/app-config';
import { ConfigModule } from '../config/config.module';
import { ConfigError } from '../config/config-error';
import { endFailedCommand } from '../common/end-failed-command';
import { UsageError } from '../common/usage-error';
import { MoveError } from '../database/move/move-error';
import { BackupError } from '../database/backup/backup-format';

/** The database of the environment and `.env`, as the service reads them. Nothing is opened. */
export async function databaseConfig(): Promise<DatabaseConfig> {
  const app = await NestFactory.createApplicationContext(ConfigModule, {
    abortOnError: false,
    logger: false,
  });
  return app.get(AppConfig).database;
}

/** Runs a command; what goes wrong as it may is one sentence, and the exit code 1. */
export function runCommand(command: (args: string[]) => Promise<string>): void {
  command(process.argv.slice(2)).then(
    (text) => process.stdout.write(`${text}\n`),
    (error: unknown) => {
      const expected = [UsageError, BackupError, MoveError, ConfigError].some(
        (type) => error instanceof type,
      );
      const { message, stack, syscall, code } = (
        error instanceof Error ? error : new Error(String(error))
      ) as NodeJS.ErrnoException;
      const full = code === 'ENOSPC' ? 'There is no room on the disk. ' : '';
      endFailedCommand(`${full}${expected || syscall ? message : (stack ?? message)}`);
    },
  );
}

/**
 * The URL of a server as PostgreSQL's own programs take it: without the password, which they ask for, and without what only our driver knows.
 */
export function libpqUrl(text: string): string {
  const url = new URL(text);
  url.password = '';
  for (const name of ['uselibpqcompat', 'pgbouncer', 'connection_limit', 'pool_timeout'])
    url.searchParams.delete(name);
  if (url.searchParams.get('sslmode') === 'no-verify') url.searchParams.set('sslmode', 'require');
  return url.toString();
}

/** `1.5 GB`, `300 kB` */
export function sizeOf(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  const value = bytes / 1000 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}

/** As a shell takes it. */
export function quoted(word: string): string {
  return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
