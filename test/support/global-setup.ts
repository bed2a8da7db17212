import 'reflect-metadata';
import { migratedSnapshot, migratedTemplate } from './database-template';

/**
 * Makes a migrated database once for all test files: a template on the server of `TEST_DATABASE_URL`, otherwise a dump
 * for the embedded one. Jest's workers inherit the environment.
 */
async function globalSetup(): Promise<void> {
  const serverUrl = process.env.TEST_DATABASE_URL;
  if (serverUrl) process.env.TEST_DATABASE_TEMPLATE = await migratedTemplate(serverUrl);
  process.env.TEST_DATABASE_SNAPSHOT = await migratedSnapshot();
}

export = globalSetup;
