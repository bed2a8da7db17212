import type { InjectionToken, Type } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import supertest from 'supertest';
import { AppModule } from '../../src/app.module';
import { APP_OPTIONS, configureApp } from '../../src/app.setup';
import { AppConfig } from '../../src/config/app-config';
import { parseAppConfig } from '../../src/config/environment';
import { DatabaseState } from '../../src/database/database-state';
import { createTestDatabase, type TestDatabase } from './test-database';

export interface TestAppOptions {
  /** Environment variables on top of what suits tests. */
  env?: NodeJS.ProcessEnv;
  /** Providers to replace, such as the model client. */
  overrides?: { provide: InjectionToken; useValue: unknown }[];
  /** Further modules, such as one with a controller that only a test needs. */
  imports?: Type[];
  /** A database to use, which then stays when the application is closed; otherwise it gets one of its own. */
  database?: TestDatabase;
  /** Whether the request tests talk to is answered before the database is ready. */
  waitForDatabase?: boolean;
}

export interface RunningApp {
  readonly app: NestExpressApplication;
  readonly config: AppConfig;
  /** Without a slash at its end: `http://127.0.0.1:49152`. */
  readonly url: string;
  /** Requests without an identity. Paths are complete: `/api/v1/conversations`. */
  readonly request: ReturnType<typeof supertest.agent>;
  /** Requests of this user. */
  as(userId: string): ReturnType<typeof supertest.agent>;
}

export interface TestApp extends RunningApp {
  close(): Promise<void>;
}

/** The whole application on a port of its own. Close it, or the test file does not end. Most files use `useChatApp`, which does. */
export async function createTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = options.database ?? (await createTestDatabase());
  const config = testConfig(database, options.env);
  const app = await start(config, options);
  if (options.waitForDatabase !== false) await app.get(DatabaseState).whenReady();
  const url = await app.getUrl();
  return {
    app,
    config,
    url,
    request: supertest.agent(url),
    as: (userId) => supertest.agent(url).set('X-User-ID', userId),
    close: async () => {
      await app.close();
      if (!options.database) await database.close();
    },
  };
}

function testConfig(database: TestDatabase, env: NodeJS.ProcessEnv = {}): AppConfig {
  const parts = parseAppConfig({
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    LOG_FORMAT: 'json',
    // Scripted models are asked for what a test says, and for nothing else.
    TITLE_MODEL: 'off',
    // All tests come from one address, and faster than anybody should.
    RATE_LIMITS: 'off',
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    // Nobody listens there.
    PROVIDER_ALLOWED_HOSTS: '127.0.0.1:9',
    ...env,
  });
  return new AppConfig({ ...parts, database: database.config });
}

async function start(
  config: AppConfig,
  { overrides = [], imports = [] }: TestAppOptions,
): Promise<NestExpressApplication> {
  const builder = Test.createTestingModule({ imports: [AppModule, ...imports] });
  builder.overrideProvider(AppConfig).useValue(config);
  for (const { provide, useValue } of overrides) builder.overrideProvider(provide).useValue(useValue);
  const module = await builder.compile();
  const app = configureApp(module.createNestApplication<NestExpressApplication>(APP_OPTIONS));
  await app.listen(0, '127.0.0.1');
  return app;
}
