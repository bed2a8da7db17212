import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { OPERATION_BOUNDS } from '../../../src/config/bounds';
import { readFrames } from '../../../src/operations/control/protocol';
import { bearer, logIn, signUp } from '../../support/accounts';
import { echo } from '../../support/model-server/behaviours';
import { OperatedService, PlainUser } from '../../support/operated-service';
import { until } from '../../support/until';
import { useModelServer } from '../../support/use-model-server';

/* The socket on which the running process answers commands. */

const model = useModelServer();
/** Each test starts several processes, which takes minutes on a machine that has other things to do. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });
let operated: OperatedService;

beforeAll(() => {
  model.otherwise(echo());
  operated = new OperatedService(model);
});
afterAll(() => operated.close());

async function connected(path = join(operated.dataDir, 'control.sock')): Promise<Socket> {
  const socket = connect(path).on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** What comes back for one line. */
async function answer(line: string): Promise<unknown> {
  const socket = await connected();
  socket.write(line);
  for await (const { payload } of readFrames(socket as AsyncIterable<Buffer>))
    return JSON.parse(payload.toString());
  return 'closed';
}

/** What ends the answer to another one. */
async function backup(): Promise<object> {
  const socket = await connected();
  socket.write(requestOf({ command: 'backup' }));
  for await (const { kind, payload } of readFrames(socket as AsyncIterable<Buffer>))
    if (kind > 0) return JSON.parse(payload.toString()) as object;
  throw new Error('The connection was cut.');
}

const requestOf = (command: object) => `${JSON.stringify({ protocol: 1, arguments: [], ...command })}\n`;

describe('commands to a service that runs', () => {
  let url: string;
  beforeAll(async () => {
    url = await operated.start(operated.dataDir, { AUTH_MODE: 'token' }).ready();
  });

  it('go through a socket that is for its owner alone', () => {
    const { mode } = statSync(join(operated.dataDir, 'control.sock'));
    expect(mode & 0o777).toBe(0o600);
    expect(statSync(operated.dataDir).mode & 0o077).toBe(0);
  });

  it('are those of administrators, and tell what is wrong in the same words', async () => {
    const made = await operated.run('admin', ['create', 'root', 'root@example.com'], {
      AUTH_MODE: 'token',
      ADMIN_PASSWORD: 'a password of fifteen',
    });
    expect(made).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^root is an administrator \(.*\)\.\n$/),
    });
    expect(await operated.run('admin', ['demote', 'nobody'])).toMatchObject({
      code: 1,
      out: '',
      err: 'There is no user nobody.\n',
    });
    expect((await operated.run('admin', ['demote', 'root'])).err).toMatch(/last|administrator/i);
    expect(await operated.run('admin', ['recount', '--check'])).toMatchObject({ code: 0 });
    expect((await operated.run('admin', [])).err).toMatch(/^npm run admin -- <command>/);
  });

  it('make a link with which somebody chooses a new password, once', async () => {
    const person = await signUp(url, 'forgetful');
    const made = await operated.run('admin', ['reset-password', 'forgetful@example.com']);
    expect(made).toMatchObject({ code: 0, err: '' });
    const [, token] = /https?:\/\/\S+\/#\/reset\/([\w-]{43})\n$/.exec(made.out) ?? [];
    const body = { token, password: 'quite another password' };
    expect((await bearer(url).post('/auth/password/reset', body)).status).toBe(204);
    const again = await bearer(url).post('/auth/password/reset', body);
    expect([again.status, again.body.code]).toEqual([400, 'invalid_reset_token']);
    await expect(logIn(url, person.username)).rejects.toThrow(/401/);
    await logIn(url, person.username, body.password);
    const ended = await bearer(url).post('/auth/refresh', { refresh_token: person.refresh });
    expect(ended.status).toBe(401);
    expect(await operated.run('admin', ['reset-password', 'nobody'])).toMatchObject({
      code: 1,
      out: '',
      err: 'There is no user nobody.\n',
    });
  });

  it('are refused if they are none', async () => {
    expect(await answer('no JSON\n')).toEqual({ message: 'This is no command of the service.' });
    expect(await answer(requestOf({ command: 'erase' }))).toEqual({
      message: 'This is no command of the service.',
    });
    expect(await answer(requestOf({ command: 'admin', protocol: 2 }))).toMatchObject({
      message: expect.stringContaining('another version'),
    });
  });

  it('are bounded in length, time and number', async () => {
    const { requestBytes, requestTime, controlConnections } = OPERATION_BOUNDS;
    const talkative = await connected();
    talkative.write('x'.repeat(requestBytes.limit + 1));
    await once(talkative.resume(), 'close');

    const began = performance.now();
    const silent = await Promise.all(Array.from({ length: controlConnections.limit }, () => connected()));
    const further = await connected();
    await once(further.resume(), 'close');
    expect(silent.every(({ destroyed }) => !destroyed)).toBe(true);
    await Promise.all(silent.map((socket) => once(socket.resume(), 'close')));
    expect(performance.now() - began).toBeGreaterThan(requestTime.limit - 500);
    expect((await operated.run('admin', ['recount', '--check'])).code).toBe(0);
  });

  it('of which one takes nothing of its backup is left, and the next backup is taken', async () => {
    const stalled = await connected();
    stalled.write(requestOf({ command: 'backup' }));
    await once(stalled, 'readable');
    expect(await answer(requestOf({ command: 'backup' }))).toEqual({
      message: 'A backup is being taken already.',
    });
    // It notices nothing, as it reads nothing.
    const taken = () => backup().then((last) => 'users' in last && last);
    const last = await until(taken, OPERATION_BOUNDS.stalledCommand.limit + 20_000);
    expect(last).toMatchObject({ messages: 0 });
  });
});

describe('the socket', () => {
  it('is elsewhere where the path would be too long, and goes with the process', async () => {
    const dataDir = join(operated.directory, 'x'.repeat(60), 'y'.repeat(60));
    mkdirSync(dataDir, { recursive: true });
    const service = operated.start(dataDir);
    await new PlainUser(await service.ready()).turn('Hello');
    const path = readFileSync(join(dataDir, 'control.path'), 'utf8');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const env = { DATA_DIR: dataDir };
    expect(await operated.run('backup', ['far.tar.gz'], env)).toMatchObject({ code: 0, err: '' });
    service.signal('SIGTERM');
    expect(await service.exit).toBe(0);
    expect(readdirSync(dataDir)).toEqual(['postgres']);
    expect(existsSync(join(path, '..'))).toBe(false);
  });

  it('that a killed process left behind is in nobody’s way', async () => {
    const dataDir = operated.path('left');
    const first = operated.start(dataDir);
    await first.ready();
    await first.kill();
    expect(existsSync(join(dataDir, 'control.sock'))).toBe(true);
    const env = { DATA_DIR: dataDir };
    expect(await operated.run('backup', ['left.tar.gz'], env)).toMatchObject({ code: 0, err: '' });
    await operated.start(dataDir).ready();
    expect(await operated.run('backup', ['right.tar.gz'], env)).toMatchObject({ code: 0, err: '' });
  });
});
