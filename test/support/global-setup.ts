import 'reflect-metadata';
import { migratedCluster, migratedTemplate } from './database-template';

/**
 * Makes a migrated database once for all test files: a template on the server of `TEST_DATABASE_URL`, and for
 * the embedded one a directory to copy. Workers inherit the environment.
 */
async function globalSetup(): Promise<void> {
  const serverUrl = process.env.TEST_DATABASE_URL;
  if (serverUrl) process.env.TEST_DATABASE_TEMPLATE = await migratedTemplate(serverUrl);
  process.env.TEST_DATABASE_CLUSTER = await migratedCluster();
}

export default globalSetup;
