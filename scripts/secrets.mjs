/*
 * `node scripts/secrets.mjs DIR DATABASE_DIR`: makes the secrets of a deployment, each in a file of its own, where there are none yet; what is there stays. The
 * database's password is in a folder by itself, so that the database can read that and nothing else. For docker-compose.yml, whose services read the files
 * (`*_FILE`).
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';

const [directory, databaseDirectory] = process.argv.slice(2);
if (!directory || !databaseDirectory) {
  process.stderr.write('Name the folders: node scripts/secrets.mjs DIR DATABASE_DIR\n');
  process.exit(2);
}
for (const folder of [directory, databaseDirectory]) fs.mkdirSync(folder, { recursive: true });
// Of others than the service as well: the database's user reads its password.
const password = secret('database-password', databasePassword, { mode: 0o444, folder: databaseDirectory });
secret('database-url', () => `postgres://parley:${password}@database:5432/parley`);
secret('proxy-secret', () => randomBytes(32).toString('base64url'));
secret('jwt-secret', () => randomBytes(48).toString('base64url'));
secret('encryption-key', () => randomBytes(32).toString('base64'));

/** One that was made when all were in one folder stays. */
function databasePassword() {
  const before = join(directory, 'database-password');
  return fs.existsSync(before) ? fs.readFileSync(before, 'utf8').trim() : randomBytes(24).toString('hex');
}

/**
 * Whole or not at all: it is renamed into its place.
 * @param {string} name
 * @param {() => string} make
 */
function secret(name, make, { mode = 0o400, folder = directory } = {}) {
  const file = join(folder, name);
  if (!fs.existsSync(file)) {
    const draft = `${file}.${process.pid}`;
    fs.writeFileSync(draft, `${make()}\n`, { mode });
    fs.renameSync(draft, file);
    process.stdout.write(`${name} was made\n`);
  }
  return fs.readFileSync(file, 'utf8').trim();
}
