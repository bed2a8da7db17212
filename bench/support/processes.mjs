import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from './rpc.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PATIENCE_MS = 180_000;

/** Whether processes can be kept on a core: the server under test on the first, everything else on the second. */
export const pins = availableParallelism() > 1 && spawnSync('taskset', ['-c', '1', 'true']).status === 0;
export const SERVER_CORE = 0;
export const OTHER_CORE = 1;

/**
 * @param {number} core
 * @param {string[]} command
 * @returns {[string, string[]]}
 */
export function pinned(core, command) {
  const [program, ...rest] = pins ? ['taskset', '-c', String(core), ...command] : command;
  return [program, rest];
}

/**
 * One of our own processes, on the other core, that serves calls.
 * @param {string} script
 */
export async function startHelper(script) {
  const [program, rest] = pinned(OTHER_CORE, [process.execPath, `${ROOT}/bench/${script}`]);
  const child = spawn(program, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  return { call: await connect(child), pid: Number(child.pid), stop: () => child.kill() };
}

/**
 * A server under test, ready.
 * @param {string[]} command arguments of node
 * @param {Record<string, string | undefined>} env
 * @param {string} cwd
 */
export async function startServer(command, env, cwd = ROOT) {
  const port = await freePort();
  const [program, rest] = pinned(SERVER_CORE, [process.execPath, ...command]);
  const began = performance.now();
  const child = spawn(program, rest, {
    cwd,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_ENV: 'production',
      PORT: String(port),
      ...env,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async () => {
    process.off('exit', kill);
    if (child.exitCode !== null || child.signalCode) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  try {
    await ready(child, port);
  } catch (error) {
    kill();
    throw error;
  }
  return { port, pid: Number(child.pid), readyMs: performance.now() - began, stop };
}

/** @param {import('node:child_process').ChildProcess} child @param {number} port */
async function ready(child, port) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(5)) {
    if (child.exitCode !== null) throw new Error(`A server ended with ${child.exitCode}.`);
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
  }
  throw new Error('A server did not become ready.');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}
