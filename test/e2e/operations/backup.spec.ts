import { randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { connectionOptions } from '../../../src/database/connection-options';
import { EmbeddedDatabase } from '../../../src/database/embedded/embedded-database';
import { migrate } from '../../../src/database/migrations';
import { echo } from '../../support/model-server/behaviours';
import { databaseConfig } from '../../support/database-config';
import { OperatedService, PlainUser } from '../../support/operated-service';
import { until } from '../../support/until';
import { useModelServer } from '../../support/use-model-server';

/* What operators do with the embedded database: processes and files as they are, among them processes that are killed. */

/** Has Node note the files and folders that it forces to the disk. */
const NOTE_SYNCS = `--import data:text/javascript,${encodeURIComponent(`
  import { appendFileSync, readlinkSync } from 'node:fs';
  import { open } from 'node:fs/promises';
  const handle = await open('/dev/null');
  const { sync } = Object.getPrototypeOf(handle);
  Object.getPrototypeOf(handle).sync = async function () {
    await sync.call(this);
    appendFileSync(process.env.SYNCED, readlinkSync('/proc/self/fd/' + this.fd) + '\\n');
  };
  await handle.close();`)}`;

const model = useModelServer();
/** Each test starts several processes, which takes minutes on a machine that has other things to do. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });
let operated: OperatedService;

beforeEach(() => {
  model.reset();
  model.otherwise(echo());
  operated = new OperatedService(model);
});
afterEach(() => operated.close());

/** Texts that do not compress, so that a backup takes its time. */
const long = () => randomBytes(60_000).toString('base64');

async function withSomething(turns = 12): Promise<{ url: string; alice: PlainUser; exported: string }> {
  const url = await operated.start().ready();
  const alice = new PlainUser(url);
  for (let turn = 0; turn < turns; turn++) await alice.turn(`${turn} ${long()} 😀 \\ "\u0001 line\nline`);
  return { url, alice, exported: await alice.export() };
}

describe('a backup', () => {
  it('that is taken under load has every turn that was acknowledged before it', async () => {
    const { url, alice, exported } = await withSomething();
    const bob = new PlainUser(url);
    const acknowledged: string[] = [];
    const done = new AbortController();
    const load = Array.from({ length: 8 }, async () => {
      while (!done.signal.aborted) acknowledged.push(...(await bob.turn(`Hello ${long().slice(0, 2_000)}`)));
    });
    await until(async () => acknowledged.length > 60);
    const before = [...acknowledged];
    const backup = await operated.run('backup', ['one.tar.gz']);
    const during = acknowledged.length - before.length;
    done.abort();
    await Promise.all(load);
    expect(backup).toMatchObject({ code: 0, err: '' });
    expect(backup.out).toMatch(
      /^one\.tar\.gz: [\d.]+ MB in [\d.]+ s, of .* in \d+ files; 2 users, \d+ conversations, \d+ messages\nSHA-256 [0-9a-f]{64}\n$/,
    );
    expect(statSync(operated.path('one.tar.gz')).mode & 0o777).toBe(0o600);
    // Otherwise it was not taken under load.
    expect(during).toBeGreaterThan(0);

    const restored = await operated.run('restore', ['one.tar.gz'], { DATA_DIR: operated.path('other') });
    expect(restored).toMatchObject({ code: 0, err: '' });
    const other = await operated.start(operated.path('other')).ready();
    await expect(new PlainUser(other, alice.id).export()).resolves.toBe(exported);
    const theirs = await new PlainUser(other, bob.id).export();
    expect(before.filter((id) => !theirs.includes(id))).toEqual([]);
    // It goes on from there.
    await new PlainUser(other, bob.id).turn('And now?');
  });

  it('is taken of a service that does not run as well, and never written over another file', async () => {
    const service = operated.start();
    const alice = new PlainUser(await service.ready());
    await alice.turn('Hello');
    service.signal('SIGTERM');
    await service.exit;
    const taken = await operated.run('backup', ['two.tar.gz']);
    expect(taken.out).toContain('; 1 users, 1 conversations, 2 messages');
    const bytes = readFileSync(operated.path('two.tar.gz'));
    const again = await operated.run('backup', ['two.tar.gz']);
    expect(again).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^two\.tar\.gz is there already/),
    });
    expect(readFileSync(operated.path('two.tar.gz')).equals(bytes)).toBe(true);
  });

  it('whose command is killed leaves no file of its name, and the next one is taken', async () => {
    await withSomething();
    const command = operated.command('backup', ['three.tar.gz']);
    await stoppedInTheMiddle(command.child.pid, 'three.tar.gz');
    const busy = await operated.run('backup', ['four.tar.gz']);
    expect(busy).toMatchObject({ code: 1, err: 'A backup is being taken already.\n' });
    await command.kill();
    expect(existsSync(operated.path('three.tar.gz'))).toBe(false);
    await until(async () => (await operated.run('backup', ['five.tar.gz'])).code === 0);
    expect(existsSync(operated.path('four.tar.gz'))).toBe(false);
  });

  it('during which the service is killed fails, and the service has lost nothing', async () => {
    const service = operated.start();
    const alice = new PlainUser(await service.ready());
    for (let turn = 0; turn < 12; turn++) await alice.turn(long());
    const exported = await alice.export();
    const command = operated.command('backup', ['six.tar.gz']);
    await stoppedInTheMiddle(command.child.pid, 'six.tar.gz');
    await service.kill();
    process.kill(command.child.pid ?? 0, 'SIGCONT');
    expect(await command.result).toMatchObject({ code: 1, err: expect.stringMatching(/^The service ended/) });
    expect(readdirSync(operated.directory).filter((name) => name.includes('six'))).toEqual([]);
    const url = await operated.start().ready();
    await expect(new PlainUser(url, alice.id).export()).resolves.toBe(exported);
  });

  it('has no secret that opens others, and lists its files with their sums', async () => {
    await operated
      .start(operated.dataDir, { ENCRYPTION_KEY: Buffer.alloc(32, 'canary').toString('base64') })
      .ready();
    await operated.run('backup', ['seven.tar.gz']);
    const archive = gunzipSync(readFileSync(operated.path('seven.tar.gz')));
    expect(archive.includes(Buffer.alloc(32, 'canary'))).toBe(false);
    expect(archive.includes(Buffer.alloc(32, 'canary').toString('base64'))).toBe(false);
    expect(archive.toString('latin1')).toMatch(/[0-9a-f]{64} {2}postgres\/global\/pg_control\n/);
  });

  it('of a PostgreSQL is taken by its own programs, which are named without the password', async () => {
    const env = {
      DATABASE_URL: 'postgres://chat:geheim@db.example.com:6432/chat?pgbouncer=true&sslmode=no-verify',
    };
    for (const [name, program] of [
      ['backup', 'pg_dump'],
      ['restore', 'pg_restore'],
    ] as const) {
      const { code, out, err } = await operated.run(name, ['a file'], env);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toContain(`  ${program} --`);
      expect(err).toContain(`'postgres://chat@db.example.com:6432/chat?sslmode=require'`);
      expect(err).toContain(`'a file'`);
      expect(err).not.toContain('geheim');
    }
  });
});

describe('a restore', () => {
  /** A backup of a service that has gone; its bytes without the compression are altered. */
  async function altered(name: string, alter: (archive: Buffer) => Buffer): Promise<void> {
    const archive = gunzipSync(readFileSync(operated.path('whole.tar.gz')));
    writeFileSync(operated.path(name), gzipSync(alter(archive), { level: 1 }));
  }

  it('refuses what was cut, altered or made by a newer version, and then takes what is whole', async () => {
    const service = operated.start();
    await service.ready();
    expect(await operated.run('backup', ['whole.tar.gz'])).toMatchObject({ code: 0 });
    const whole = readFileSync(operated.path('whole.tar.gz'));
    writeFileSync(operated.path('cut.tar.gz'), whole.subarray(0, whole.length - 1000));
    const flipped = Buffer.from(whole);
    flipped[Math.floor(whole.length / 2)] ^= 1;
    writeFileSync(operated.path('flipped.tar.gz'), flipped);
    writeFileSync(operated.path('text.tar.gz'), 'This is a text.');
    await altered('byte.tar.gz', (archive) => {
      archive[archive.indexOf('postgres/global/pg_control') + 512 + 300] ^= 1;
      return archive;
    });
    await altered('short.tar.gz', (archive) => archive.subarray(0, archive.indexOf('SHA256SUMS')));
    await altered('elsewhere.tar.gz', (archive) =>
      renamed(archive, 'postgres/PG_VERSION', 'postgres/../../evil'),
    );
    await altered('newer.tar.gz', (archive) => replaced(archive, '1795232511887"', '9795232511887"'));
    await altered('engine.tar.gz', (archive) => replaced(archive, '"postgres": "18"', '"postgres": "19"'));

    const env = { DATA_DIR: operated.path('empty') };
    for (const name of ['cut', 'flipped', 'text', 'byte', 'short', 'elsewhere'])
      expect(await operated.run('restore', [`${name}.tar.gz`], env)).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringMatching(
          /^\S+tar\.gz is no backup, or was cut or altered \(.*\); DATA_DIR is as it was\.\n$/,
        ),
      });
    expect((await operated.run('restore', ['newer.tar.gz'], env)).err).toMatch(/made by a newer version/);
    expect((await operated.run('restore', ['engine.tar.gz'], env)).err).toMatch(
      /whose database is PostgreSQL 19/,
    );
    expect(readdirSync(operated.path('empty'))).toEqual([]);
    expect(existsSync(operated.path('evil'))).toBe(false);

    // Neither beside a process, nor over what is there.
    expect((await operated.run('restore', ['whole.tar.gz'])).err).toMatch(/in use by process/);
    service.signal('SIGTERM');
    await service.exit;
    expect((await operated.run('restore', ['whole.tar.gz'])).err).toMatch(/is not empty \(it has postgres\)/);
    expect(await operated.run('restore', ['whole.tar.gz'], env)).toMatchObject({ code: 0 });
    await operated.start(env.DATA_DIR).ready();
  });

  it('that is killed in the middle leaves nothing that a service would start on, and is repeated', async () => {
    const { alice, exported } = await withSomething();
    await operated.run('backup', ['whole.tar.gz']);
    const env = { DATA_DIR: operated.path('other') };
    const command = operated.command('restore', ['whole.tar.gz'], env);
    await until(async () => existsSync(operated.path('other/restore.partial/postgres/base')));
    await command.kill();
    expect(existsSync(operated.path('other/postgres'))).toBe(false);
    const refused = operated.start(env.DATA_DIR);
    expect(await refused.exit).toBe(1);
    expect(refused.output).toMatch(/a restore into \S+ was interrupted; run "npm run restore -- FILE" again/);
    expect(await operated.run('restore', ['whole.tar.gz'], env)).toMatchObject({ code: 0, err: '' });
    expect(readdirSync(env.DATA_DIR)).toEqual(['postgres']);
    const url = await operated.start(env.DATA_DIR).ready();
    await expect(new PlainUser(url, alice.id).export()).resolves.toBe(exported);
  });

  it.runIf(existsSync('/proc/self/fd'))(
    'has every file on the disk before a start finds it',
    async () => {
      const service = operated.start();
      await new PlainUser(await service.ready()).turn('Hello');
      await operated.run('backup', ['whole.tar.gz']);
      const env = {
        DATA_DIR: operated.path('other'),
        SYNCED: operated.path('synced'),
        NODE_OPTIONS: NOTE_SYNCS,
      };
      expect(await operated.run('restore', ['whole.tar.gz'], env)).toMatchObject({ code: 0, err: '' });
      const synced = readFileSync(env.SYNCED, 'utf8').trim().split('\n');
      const restored = readdirSync(env.DATA_DIR, { recursive: true }).map((name) =>
        join(env.DATA_DIR, 'restore.partial', String(name)),
      );
      expect(restored.length).toBeGreaterThan(900);
      expect(restored.filter((path) => !synced.includes(path))).toEqual([]);
      // And then its name.
      expect(synced.at(-1)).toBe(env.DATA_DIR);
    },
    120_000,
  );

  it('of an older version is brought up to date by the next start', async () => {
    const embedded = new EmbeddedDatabase({ dataDir: operated.dataDir });
    const files = readdirSync(join(__dirname, '../../../migrations')).sort().slice(0, 12);
    try {
      await migrate(
        connectionOptions(databaseConfig({ dataDir: operated.dataDir }), embedded, { unlimited: true }),
        {
          exclusive: true,
          files: files.map((file) => join(__dirname, '../../../migrations', file)),
        },
      );
    } finally {
      await embedded.close();
    }
    expect(await operated.run('backup', ['older.tar.gz'])).toMatchObject({ code: 0, err: '' });
    const env = { DATA_DIR: operated.path('other') };
    const restored = await operated.run('restore', ['older.tar.gz'], env);
    expect(restored).toMatchObject({
      code: 0,
      out: expect.stringContaining('The next start brings it up to date.'),
    });
    const url = await operated.start(env.DATA_DIR).ready();
    await new PlainUser(url).turn('Hello');
  });
});

describe('a data directory', () => {
  it('that was copied while a service used it is not started on, until somebody says that it did not', async () => {
    const service = operated.start();
    await service.ready();
    const copy = operated.path('copy');
    mkdirSync(copy);
    for (const name of readdirSync(operated.dataDir).filter((each) => each !== 'control.sock'))
      cpSync(join(operated.dataDir, name), join(copy, name), { recursive: true, preserveTimestamps: true });
    for (const beside of [true, false]) {
      const refused = operated.start(copy);
      expect(await refused.exit).toBe(1);
      expect(refused.output).toContain(
        `DATA_DIR was copied from ${operated.dataDir} while process ${service.pid} on host`,
      );
      if (beside) await service.kill();
    }
    rmSync(join(copy, 'parley.lock'));
    await operated.start(copy).ready();
    // The first one was killed, and is where it was: it is no copy.
    await operated.start().ready();
  });

  it('of another major version of PostgreSQL is not touched', async () => {
    const service = operated.start();
    await service.ready();
    service.signal('SIGTERM');
    await service.exit;
    writeFileSync(join(operated.dataDir, 'postgres/PG_VERSION'), '17\n');
    const refused = operated.start();
    expect(await refused.exit).toBe(1);
    expect(refused.output).toMatch(/is a database of PostgreSQL 17, and this version of the service has 18/);
  });
});

/** Stops the process when it has written some of the file; what it has not read holds up the service. */
async function stoppedInTheMiddle(pid = 0, file: string): Promise<void> {
  const draft = operated.path(`.${file}.${pid}.partial`);
  await until(async () => existsSync(draft) && statSync(draft).size > 0);
  process.kill(pid, 'SIGSTOP');
}

function replaced(archive: Buffer, text: string, other: string): Buffer {
  const at = archive.indexOf(text);
  expect(at).toBeGreaterThan(0);
  archive.write(other, at);
  return archive;
}

/** The entry of a name, with a header that is right for another one. */
function renamed(archive: Buffer, name: string, other: string): Buffer {
  const at = archive.indexOf(`${name}\0`);
  const header = archive.subarray(at, at + 512);
  header.fill(0, 0, 100).write(other);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return archive;
}
