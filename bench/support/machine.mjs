import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { pins, ROOT } from './processes.mjs';

/** What the figures were measured on. @param {string} [postgresVersion] */
export function describeMachine(postgresVersion) {
  const version = (/** @type {string} */ path) => {
    try {
      return JSON.parse(readFileSync(`${ROOT}/${path}/package.json`, 'utf8')).version;
    } catch {
      return 'absent';
    }
  };
  return [
    `${cpus().length} × ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux load ${describeLoad()}`,
    `node ${process.version}, ${postgresVersion ?? 'no PostgreSQL'}, @nestjs/core ${version('node_modules/@nestjs/core')}, ` +
      `openai ${version('node_modules/openai')}, ai ${version('bench/node_modules/ai')}`,
    pins
      ? 'server under test on core 0; provider, readers and PostgreSQL on core 1'
      : 'NOT PINNED (one core, or no taskset): everything shares the cores',
    ...(loadavg()[0] > 1 ? ['THE MACHINE IS BUSY: believe ratios of CPU, and no delays'] : []),
  ].join('\n');
}

export function describeLoad() {
  return loadavg()
    .map((load) => load.toFixed(2))
    .join(' ');
}
