import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
/** It installs everything, once. */
const PATIENCE_MS = 900_000;

/** Without the Node that these tests were started with. */
const env = {
  PATH: process.env.PATH?.split(':')
    .filter((path) => !path.includes('node_modules'))
    .join(':'),
  HOME: process.env.HOME,
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'safe.directory',
  GIT_CONFIG_VALUE_0: '*',
};
const [major] = /\d+/.exec(spawnSync('node', ['--version'], { encoding: 'utf8', env }).stdout ?? '') ?? [];

// What a newcomer has; a newer one would just start.
describe.runIf(Number(major) < 24)('an old Node, where install scripts are off', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'parley-old-node-'))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }), 120_000);

  function run(command: string): { status: number | null; output: string } {
    const cwd = existsSync(join(folder, 'parley')) ? join(folder, 'parley') : folder;
    const { status, stdout, stderr } = spawnSync('bash', ['-c', command], { cwd, env, encoding: 'utf8' });
    return { status, output: stdout + stderr };
  }

  it('is told what is missing, and both ways to get it', { timeout: PATIENCE_MS }, () => {
    expect(run(`git clone --quiet ${ROOT} parley`)).toEqual({ status: 0, output: '' });
    const unbuilt = /^(The packages are not installed: npm ci|Parley is not built yet: npm run build)\n$/;
    const early = run('npm run --silent --ignore-scripts start:prod');
    expect([early.status, early.output]).toEqual([1, expect.stringMatching(unbuilt)]);

    const installed = run('npm ci --ignore-scripts');
    expect([installed.status, installed.output]).toEqual([0, expect.not.stringMatching(/EBADENGINE/)]);
    const started = run('npm start');
    expect(started.status).toBe(1);
    expect(started.output).toMatch(/Parley needs Node\.js 24\.\d+ or newer, and this is \d+\.\d+\.\d+\.$/m);
    expect(started.output).toContain('npm rebuild node --ignore-scripts=false');
    expect(started.output).toContain('or install Node.js 24.');
    expect(started.output).not.toMatch(/^ {4}at /m);

    const production = run('npm run --silent --ignore-scripts start:prod');
    expect([production.status, production.output]).toEqual([1, expect.stringMatching(unbuilt)]);
  });
});
