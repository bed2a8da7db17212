import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, startServer } from './support/processes.mjs';

/**
 * A server under test.
 * @typedef {object} Candidate
 * @property {string} name
 * @property {string} [id] where the same one runs several times, of different builds
 * @property {string} root folder of the checkout it is of
 * @property {'plain' | 'ui' | 'parley'} dialect how it is asked, see load/dialects.mjs
 * @property {string} script
 * @property {'postgres' | 'embedded'} [storage]
 * @property {string} [preload] what is loaded before the script
 */

const SERVICE = { script: 'dist/src/main.js' };

/** @type {Omit<Candidate, 'root'>[]} */
const all = [
  { name: 'pipe', dialect: 'plain', script: 'bench/servers/pipe.mjs' },
  { name: 'relay', dialect: 'plain', script: 'bench/servers/relay.mjs' },
  { name: 'express', dialect: 'plain', script: 'bench/servers/express-openai.mjs' },
  { name: 'ai-sdk', dialect: 'ui', script: 'bench/servers/ai-sdk.mjs', storage: 'postgres' },
  { ...SERVICE, name: 'parley', dialect: 'parley', storage: 'postgres' },
  {
    ...SERVICE,
    name: 'memory-log',
    dialect: 'parley',
    storage: 'postgres',
    preload: 'bench/support/log-in-memory.cjs',
  },
  { ...SERVICE, name: 'embedded', dialect: 'parley', storage: 'embedded' },
];

/** @type {Candidate[]} */
export const candidates = all.map((candidate) => ({ ...candidate, root: ROOT }));

/** Whether it is a build of this service. @param {Candidate} candidate */
export function isService({ script }) {
  return script === SERVICE.script;
}

/** Of node, as the `npm start` of its checkout gives them. @param {Candidate} candidate */
function flagsOf({ root }) {
  /** @type {{ scripts: Record<string, string> }} */
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return scripts['start:prod'].split(' ').filter((word) => word.startsWith('--'));
}

/**
 * Starts a candidate over a new and empty storage, or over one that is given.
 * @param {Candidate} candidate
 * @param {import('./support/bench.mjs').Bench} bench
 * @param {Storage} [storage]
 * @param {Record<string, string | undefined>} [settings] further variables
 */
export async function start(candidate, bench, storage, settings) {
  const used = storage ?? (await newStorage(candidate, bench));
  const env = {
    OPENAI_BASE_URL: bench.providerUrl,
    OPENAI_API_KEY: 'none',
    DATABASE_URL: used.url,
    DATA_DIR: used.dataDir,
    LOG_LEVEL: 'warn',
    RATE_LIMITS: 'off',
    // Titles are asked of the provider after the turns, whose tokens are counted.
    TITLE_MODEL: 'off',
    // Only the load generator may name users: the service wants that said in production.
    AUTH_TRUSTED_PROXIES: '127.0.0.1/32',
    ...settings,
  };
  const { root } = candidate;
  const preload = candidate.preload ? ['--require', `${root}/${candidate.preload}`] : [];
  const nodeOptions = [
    ...(isService(candidate) ? flagsOf(candidate) : []),
    ...bench.nodeOptions(candidate),
    ...preload,
  ];
  const server = await startServer([...nodeOptions, `${root}/${candidate.script}`], env, root);
  const stop = async () => {
    await server.stop();
    if (!storage) used.remove();
  };
  return { ...server, stop, candidate };
}

/** @typedef {{ url?: string, dataDir: string, remove: () => void }} Storage */

/** @param {Candidate} candidate @param {import('./support/bench.mjs').Bench} bench @returns {Promise<Storage>} */
export async function newStorage(candidate, bench) {
  const url = candidate.storage === 'postgres' ? await bench.postgres?.createDatabase() : undefined;
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-bench-data-'));
  const throwAway = () => rmSync(dataDir, { recursive: true, force: true });
  process.once('exit', throwAway);
  const remove = () => {
    process.off('exit', throwAway);
    throwAway();
  };
  return { url, dataDir, remove };
}
