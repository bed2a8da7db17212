/** `npm run admin -- <command>`: what must be possible before there is an administrator. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ConfigError } from '../../config/config-error';
import { DatabaseState } from '../../database/database-state';
import { AppError } from '../../errors/app-error';
import { AdminCommands, WrongCountersError } from './admin-commands';
import { AdminModule } from './admin.module';
import { UsageError } from '../../common/usage-error';

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AdminModule, {
    abortOnError: false,
    logger: ['error', 'fatal'],
  });
  try {
    await app.get(DatabaseState).whenReady();
    const password = process.env.ADMIN_PASSWORD?.trim() || undefined;
    process.stdout.write(`${await app.get(AdminCommands).run(process.argv.slice(2), password)}\n`);
  } finally {
    await app.close();
  }
}

main().catch((error: unknown) => {
  const expected = [UsageError, WrongCountersError, AppError, ConfigError].some(
    (type) => error instanceof type,
  );
  process.stderr.write(
    `${expected || !(error instanceof Error) ? messageOf(error) : (error.stack ?? error.message)}\n`,
  );
  process.exitCode = 1;
});

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
