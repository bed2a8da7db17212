import { defineConfig } from 'vitest/config';

/** Files that replace modules or add entities, which would reach the files of others. */
const ISOLATED = ['test/model/**/*.spec.ts', 'test/integration/database/database-module.spec.ts'];

export default defineConfig({
  test: {
    globals: true,
    pool: 'forks',
    // More than two cores, because tests wait as well. A worker takes up to a gigabyte.
    maxWorkers: 4,
    // Embedded databases are compiled fast rather than well: each lives for seconds.
    execArgv: ['--liftoff-only'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/setup.ts'],
    // A test that fails says what it waits for; this is for one that hangs, on a machine that has other things to do.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      // Modules are loaded once per worker and shared by its files.
      project('unit', ['src/**/*.spec.ts'], { isolate: false }),
      project('integration', ['test/integration/**/*.spec.ts'], { isolate: false, exclude: ISOLATED }),
      project('e2e', ['test/e2e/**/*.spec.ts'], { isolate: false }),
      project('isolated', ISOLATED, { isolate: true }),
      // Runs of minutes, which `npm run test:long` holds: see test/README.md.
      project('long', ['test/faults/**/*.spec.ts'], { isolate: true }),
    ],
  },
});

interface Isolation {
  isolate: boolean;
  exclude?: string[];
}

function project(name: string, include: string[], { isolate, exclude = [] }: Isolation) {
  return { extends: true as const, test: { name, isolate, include, exclude } };
}
