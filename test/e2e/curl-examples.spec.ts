import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { runInNewContext } from 'node:vm';
import { DataSource } from 'typeorm';
import { UsersService } from '../../src/users/users.service';
import { reply } from '../support/model-server/behaviours';
import { type ChatApp, useChatApp } from '../support/use-chat-app';

/** What another mode answers with 404. */
const ACCOUNTS = /^\/api\/v1\/(auth|api-keys)|\/password-reset$/;
/** What is about something that cannot be made by a command: a job that is there. */
const NEEDS = /^\/api\/v1\/jobs\/\{/;

/** What needs a token or an id that is somebody else's, or was sent by mail, or ends the session of the commands. */
const OF_ACCOUNTS =
  /^\/api\/v1\/(users\/\{|auth\/(register|token|refresh|logout|password|sessions|reauthenticate)|auth\/me$)/;

/** Streams that end when the client leaves. */
const OPEN = /^follow(Conversation|Events)$/;
/** A hundred commands, one after the other, on a machine that has other things to do. */
const PATIENCE_MS = 900_000;

interface Described {
  method: string;
  path: string;
  operationId: string;
  description: string;
  responses: Record<string, unknown>;
}

/** The operations that the page shows. */
async function shown({ url }: ChatApp): Promise<Described[]> {
  const script = await (await fetch(`${url}/api/v1/docs/swagger-ui-init.js`)).text();
  const [, source] = /let options = (\{[\s\S]*?\n\});/.exec(script) ?? [];
  const { swaggerDoc } = runInNewContext(`(${source})`) as {
    swaggerDoc: { paths: Record<string, Record<string, Described>> };
  };
  return Object.entries(swaggerDoc.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, method, path })),
  );
}

const commandOf = ({ description }: Described) => /```sh\n([\s\S]*?)\n```/.exec(description)![1];

/** What the last curl of a pasted command was answered; a stream that stays open is left after `seconds`. */
async function paste(command: string, seconds: number, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const wrapped = `curl() { command curl --max-time ${seconds} -w '%{stderr}\\nstatus %{http_code}' "$@"; }\n${command}\n`;
  const shell = spawn('sh', ['-c', wrapped], { env: { PATH: process.env.PATH, ...env } });
  const [out, err] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, 'close')]);
  const status = [...err.matchAll(/^status (\d+)$/gm)].at(-1)?.[1];
  return status?.startsWith('2') ? status : `${status}: ${command}\n${out.split('\n').at(-1)}`;
}

async function refusals(operations: Described[], env?: NodeJS.ProcessEnv): Promise<string[]> {
  const refused: string[] = [];
  for (const operation of operations) {
    const seconds = OPEN.test(operation.operationId) ? 10 : 60;
    let answer = await paste(commandOf(operation), seconds, env);
    // A machine that is busy enough takes longer for a statement than the service waits; it says to try again.
    for (let tries = 1; answer.startsWith('503') && tries < 10; tries++)
      answer = await paste(commandOf(operation), seconds, env);
    if (!/^2\d\d$/.test(answer)) refused.push(`${operation.operationId} ${answer}`);
  }
  return refused;
}

const paced = () =>
  reply(
    Array.from({ length: 40 }, (_, n) => `word${n} `),
    { delayMs: 25 },
  );

async function makeAdmin(t: ChatApp, id: string): Promise<void> {
  await t.app.get(DataSource).query(`UPDATE users SET role = 'admin' WHERE id = $1`, [id]);
  await t.app.get(DataSource).query(`INSERT INTO admins (user_id) VALUES ($1)`, [id]);
  await t.app.get(UsersService, { strict: false }).change(id, async () => undefined);
}

describe('the commands of the documentation', () => {
  const t = useChatApp(
    { ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64'), PROVIDER_ALLOWED_HOSTS: 'api.openai.com' },
    { own: 'asks as a user with the name that the commands have' },
  );

  it('work as they are pasted', { timeout: PATIENCE_MS }, async () => {
    t.model.otherwise(paced());
    await t.as('me').get('/api/v1/conversations').expect(200);
    await makeAdmin(t, 'me');
    const operations = (await shown(t)).filter(({ path }) => !ACCOUNTS.test(path) && !NEEDS.test(path));
    expect(operations.length).toBeGreaterThan(40);
    expect(await refusals(operations)).toEqual([]);
  });
});

describe('the commands of the documentation, with accounts', () => {
  const t = useChatApp(
    {
      AUTH_MODE: 'token',
      JWT_SECRET: 'x'.repeat(40),
      ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64'),
      PROVIDER_ALLOWED_HOSTS: 'api.openai.com',
    },
    { own: 'asks as a user with the name that the commands have' },
  );

  it('work once those that register and log in were pasted', { timeout: PATIENCE_MS }, async () => {
    t.model.otherwise(paced());
    const operations = await shown(t);
    const ofPath = (path: string) => operations.find((each) => each.path === `/api/v1/auth/${path}`)!;
    const shell = spawn('sh', [
      '-c',
      `${commandOf(ofPath('register'))}\n${commandOf(ofPath('token'))}\nprintf '\\n%s' "$ACCESS_TOKEN"`,
    ]);
    const [out] = await Promise.all([text(shell.stdout), once(shell, 'close')]);
    const token = out.split('\n').at(-1) ?? '';
    const { sub } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()) as { sub: string };
    await makeAdmin(t, sub);
    const others = operations.filter(({ path }) => !NEEDS.test(path) && !OF_ACCOUNTS.test(path));
    expect(others.length).toBeGreaterThan(40);
    expect(await refusals(others, { ACCESS_TOKEN: token })).toEqual([]);
  });

  it('say what is missing where nobody has logged in', async () => {
    const me = (await shown(t)).find(({ path }) => path === '/api/v1/auth/me')!;
    const shell = spawn('sh', ['-c', commandOf(me)], { env: { PATH: process.env.PATH } });
    const [said] = await Promise.all([text(shell.stderr), once(shell, 'close')]);
    expect(said).toContain('ACCESS_TOKEN: is set by the command of POST /auth/token');
  });
});
