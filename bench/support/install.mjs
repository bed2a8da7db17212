import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ROOT } from './processes.mjs';

/** Installs what only the benchmark needs, if it is not there. @returns {boolean} whether it is there now */
export function installed() {
  const there = () => existsSync(`${ROOT}/bench/node_modules/ai/package.json`);
  if (there()) return true;
  console.log('Installing the AI SDK into bench/node_modules …');
  spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: `${ROOT}/bench`,
    stdio: 'ignore',
    timeout: 120_000,
  });
  return there();
}
