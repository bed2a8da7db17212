/** `npm run migration:run`: brings the configured database up to date and ends, as the service itself does when it starts. */
import 'reflect-metadata';
import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigModule } from '../config/config.module';
import { DatabaseModule } from './database.module';
import { DatabaseState } from './database-state';

@Module({ imports: [ConfigModule, DatabaseModule] })
class MigrateModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(MigrateModule, {
    abortOnError: false,
    logger: ['warn', 'error', 'fatal'],
  });
  await app.get(DatabaseState).whenReady();
  await app.close();
  process.stdout.write('The database is up to date.\n');
}

main().catch((error: unknown) => {
  new Logger('Database').fatal(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
