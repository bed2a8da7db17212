import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { migratedCluster, migratedTemplate } from './database-template';
import { removeTestDatabases } from './test-database';

/**
 * Makes a migrated database once for all test files: a template on the server of `TEST_DATABASE_URL`, and for
 * the embedded one a directory to copy. Workers inherit the environment. Answers what removes the databases of this run.
 */
async function globalSetup(): Promise<() => Promise<void>> {
  process.env.TEST_RUN ??= randomBytes(4).toString('hex');
  const serverUrl = process.env.TEST_DATABASE_URL;
  if (serverUrl) process.env.TEST_DATABASE_TEMPLATE = await migratedTemplate(serverUrl);
  process.env.TEST_DATABASE_CLUSTER = await migratedCluster();
  return removeTestDatabases;
}

export default globalSetup;
