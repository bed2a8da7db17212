import { defineConfig } from 'vitest/config';

/** Files that replace modules or add entities, which would reach the files of others. */
const ISOLATED = ['test/model/**/*.spec.ts', 'test/integration/database/database-module.spec.ts'];

/**
 * Files that take the better part of a minute: every route with every odd value, loads, clocks, processes that are started again and again.
 * `.ci/run` has those on PostgreSQL that keep users apart.
 */
const LONG = [
  'test/e2e/{curl-examples,database-tls,edge-boot,first-hour,idle-feeds,old-node}.spec.ts',
  'test/e2e/accounts/{clock,guessing,shared-networks}.spec.ts',
  'test/e2e/client/{streams,written}.spec.ts',
  'test/e2e/jobs/{pooler,queue,titles}.spec.ts',
  'test/e2e/page/{accessible,connections,details,keys,long-walk,messages,panels,shares,sign-in,speed}.spec.ts',
  'test/e2e/operations/*.spec.ts',
  'test/e2e/user-events/stalled-reader.spec.ts',
  'test/e2e/security/{answers,authorisation,bodies,credentials,erasure,exhaustion,fuzz}.spec.ts',
  'test/e2e/security/{input,input-bodies,provider-streams,requests}.spec.ts',
  'test/integration/{build,nginx-configuration,database/kill}.spec.ts',
  'test/integration/openapi/clients.spec.ts',
];

export default defineConfig({
  test: {
    globals: true,
    pool: 'forks',
    // More than two cores, because tests wait as well. A worker takes up to a gigabyte.
    maxWorkers: 3,
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
      project('integration', ['test/integration/**/*.spec.ts'], {
        isolate: false,
        exclude: [...ISOLATED, ...LONG],
      }),
      project('e2e', ['test/e2e/**/*.spec.ts'], { isolate: false, exclude: LONG }),
      project('isolated', ISOLATED, { isolate: true }),
      // Runs of minutes, which `npm run test:long` holds: see test/README.md.
      project('long', ['test/faults/**/*.spec.ts', ...LONG], { isolate: true }),
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
