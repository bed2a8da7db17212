/*
 * The long run: npm run fuzz, or with FUZZ_REQUESTS, FUZZ_SEED and FUZZ_PATH (the one request of a fault). It takes PostgreSQL from the
 * machine, in a directory of its own, unless TEST_DATABASE_URL names one.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const directory = process.env.TEST_DATABASE_URL ? undefined : mkdtempSync(join(tmpdir(), 'parley-fuzz-run-'));

try {
  const url = directory ? postgres('start') : process.env.TEST_DATABASE_URL;
  process.exitCode = await runTests({ FUZZ_REQUESTS: '1000000', ...process.env, TEST_DATABASE_URL: url });
} finally {
  if (directory) {
    postgres('stop');
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @param {'start' | 'stop'} action */
function postgres(action) {
  const stdio = ['ignore', 'pipe', 'ignore'];
  return execFileSync('bash', ['.ci/postgres', action, directory], { encoding: 'utf8', stdio }).trim();
}

/** @param {NodeJS.ProcessEnv} env */
function runTests(env) {
  const args = ['run', '--project=long', 'test/e2e/security/fuzz.spec.ts'];
  const child = spawn('vitest', args, { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}
