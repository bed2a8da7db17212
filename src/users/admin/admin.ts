/** `npm run admin -- <command>`: what must be possible before there is an administrator. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ConfigError } from '../../config/config-error';
import { DatabaseState } from '../../database/database-state';
import { AppError } from '../../errors/app-error';
import { databaseConfig } from '../../operations/commands';
import { askRunningProcess, byWhoeverMay } from '../../operations/control/control-client';
import { AdminCommands } from './admin-commands';
import { AdminModule } from './admin.module';
import { endFailedCommand } from '../../common/end-failed-command';
import { UsageError } from '../../common/usage-error';

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const password = process.env.ADMIN_PASSWORD?.trim() || undefined;
  const { url, dataDir } = await databaseConfig();
  const text = await byWhoeverMay(
    async () =>
      url ? undefined : askRunningProcess(dataDir, { command: 'admin', arguments: args, password }),
    () => runAlone(args, password),
  );
  process.stdout.write(`${text}\n`);
}

async function runAlone(args: string[], password: string | undefined): Promise<string> {
  const app = await NestFactory.createApplicationContext(AdminModule, {
    abortOnError: false,
    logger: ['error', 'fatal'],
  });
  try {
    await app.get(DatabaseState).whenReady();
    return await app.get(AdminCommands).run(args, password);
  } finally {
    await app.close();
  }
}

main().catch((error: unknown) => {
  const expected = [UsageError, AppError, ConfigError].some((type) => error instanceof type);
  endFailedCommand(expected || !(error instanceof Error) ? messageOf(error) : (error.stack ?? error.message));
});

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
