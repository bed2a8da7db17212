import type { Config } from 'jest';

const config: Config = {
  projects: [
    project('unit', ['<rootDir>/src']),
    project('integration', ['<rootDir>/test/integration', '<rootDir>/test/model']),
    project('e2e', ['<rootDir>/test/e2e']),
    // Runs of minutes, which `npm run test:long` holds: see test/README.md.
    project('long', ['<rootDir>/test/faults']),
  ],
  // An embedded database per worker takes a few hundred megabytes.
  maxWorkers: 2,
  // A test that fails says what it waits for; this is for one that hangs, on a machine that has other things to do.
  testTimeout: 60_000,
};

function project(displayName: string, roots: string[]) {
  return {
    displayName,
    rootDir: '.',
    roots,
    testRegex: ['\\.spec\\.ts$'],
    transform: { '^.+\\.ts$': ['@swc/jest', swcOptions()] as [string, Record<string, unknown>] },
    testEnvironment: 'node',
    globalSetup: '<rootDir>/test/support/global-setup.ts',
  };
}

function swcOptions() {
  return {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      keepClassNames: true,
    },
    module: { type: 'commonjs' },
  };
}

export default config;
