/*
 * `node scripts/secrets.mjs DIR`: makes the secrets of a deployment, each in a file of its own, where there are none yet; what is there stays. For docker-compose.yml,
 * whose services read the files (`*_FILE`).
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';

const [directory] = process.argv.slice(2);
if (!directory) {
  process.stderr.write('Name the folder: node scripts/secrets.mjs DIR\n');
  process.exit(2);
}
fs.mkdirSync(directory, { recursive: true });
// Of others than the service as well: the database's user reads its password.
const password = secret('database-password', () => randomBytes(24).toString('hex'), 0o444);
secret('database-url', () => `postgres://parley:${password}@database:5432/parley`);
secret('proxy-secret', () => randomBytes(32).toString('base64url'));
secret('jwt-secret', () => randomBytes(48).toString('base64url'));
secret('encryption-key', () => randomBytes(32).toString('base64'));

/**
 * Whole or not at all: it is renamed into its place.
 * @param {string} name
 * @param {() => string} make
 */
function secret(name, make, mode = 0o400) {
  const file = join(directory, name);
  if (!fs.existsSync(file)) {
    const draft = `${file}.${process.pid}`;
    fs.writeFileSync(draft, `${make()}\n`, { mode });
    fs.renameSync(draft, file);
    process.stdout.write(`${name} was made\n`);
  }
  return fs.readFileSync(file, 'utf8').trim();
}
