import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../support/api-client';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { SLACK_MS } from '../../support/slack';
import { clientFrame, rawSocket, refusalOf, SocketClient, SocketReply } from '../../support/socket-client';
import { useModelServer } from '../../support/use-model-server';

const ALICE = { 'X-User-ID': 'alice' };
const model = useModelServer();
let t: TestApp;

afterEach(async () => {
  await t.close();
  model.reset();
});

async function start(env: NodeJS.ProcessEnv = {}): Promise<ApiClient> {
  t = await createTestApp({ env: { ...model.env, LLM_MAX_RETRIES: '0', ...env } });
  return ApiClient.of(t.url, 'alice');
}

async function followed(api: ApiClient, socket: SocketClient, gate = hold()): Promise<SocketReply> {
  const { id } = await api.conversation();
  model.script(reply(['Hel', gate, 'lo']));
  socket.send({ type: 'chat', request_id: 'r', conversation_id: id, content: 'Hi' });
  await socket.until(() => socket.eventsFor('r').some(({ type }) => type === 'chunk'));
  return new SocketReply(socket.eventsFor('r'));
}

describe('a client that does not answer pings', () => {
  it('is let go of, and others are not', async () => {
    await start({ SSE_HEARTBEAT_MS: '100' });
    const good = await SocketClient.of(t.url, 'alice');
    const pongless = await SocketClient.open(t.url, ALICE, { autoPong: false });
    const deaf = await rawSocket(t.url, ALICE);
    deaf.pause();
    const started = performance.now();
    expect(await pongless.closed()).toBe(1006);
    expect(performance.now() - started).toBeLessThan(1_000 + SLACK_MS);
    await sleep(300);
    expect(good.code).toBeUndefined();
    deaf.resume();
    if (!deaf.closed) await once(deaf, 'close');
    await good.close();
  });
});

describe('a client that takes nothing', () => {
  it('costs little, does not hold up the reply, and can resume', async () => {
    const alice = await start({ LLM_MAX_REPLY_CHARS: '20000000' });
    const text = 'x'.repeat(64 * 1024);
    model.script(reply(Array.from({ length: 60 }, () => text)));
    const socket = await SocketClient.of(t.url, 'alice');
    socket.send({ type: 'chat', request_id: 'r', content: 'Hi' });
    await socket.until(() => socket.frames.length > 0);
    socket.socket.pause();
    const [messageId] = (socket.frames[0].id ?? '').split(':');
    const whole = await (await alice.follow(messageId)).done();
    expect(whole.end.full_text).toHaveLength(60 * text.length);
    socket.socket.resume();
    expect((await socket.reply('r')).ids).toEqual(whole.ids);
    await socket.close();
  });
});

describe('the end of the service', () => {
  it('ends the replies, tells their readers, and closes the sockets', async () => {
    const alice = await start({ SHUTDOWN_GRACE_S: '0' });
    const socket = await SocketClient.of(t.url, 'alice');
    const { messageId } = await followed(alice, socket);
    const { conversation_id } = socket.frames[0].data;
    await socket.ask({ type: 'follow', conversation_id, request_id: 'feed' });
    await t.app.close();
    expect(await socket.closed()).toBe(1001);
    const last = new SocketReply(socket.eventsFor('r')).last;
    expect(last).toMatchObject({ type: 'error', data: { code: 'interrupted', retryable: true } });
    expect(last.id.startsWith(messageId)).toBe(true);
    expect(socket.eventsFor('feed').at(-1)).toEqual(last);
    expect(socket.frames.at(-1)).toMatchObject({ type: 'unfollowed', request_id: 'feed' });
  });

  it('lets a running reply finish, and begins nothing new', async () => {
    const alice = await start({ SHUTDOWN_GRACE_S: '10' });
    const socket = await SocketClient.of(t.url, 'alice');
    const gate = hold();
    await followed(alice, socket, gate);
    const closing = t.app.close();
    await sleep(50);
    expect(await socket.ask({ type: 'chat', request_id: 'x', content: 'More' })).toMatchObject({
      type: 'error',
      data: { code: 'draining', status: 503, retryable: true },
    });
    expect(await refusalOf(t.url, ALICE)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      body: { code: 'draining' },
    });
    // Longer than sockets wait for readers once no reply runs any more.
    await sleep(1_200);
    gate.release();
    expect((await socket.reply('r')).last).toMatchObject({ type: 'end', data: { full_text: 'Hello' } });
    expect(await socket.closed()).toBe(1001);
    await closing;
  });

  it('does not wait for clients that do not say goodbye', async () => {
    const alice = await start({ SHUTDOWN_GRACE_S: '0' });
    const stuck = await rawSocket(t.url, ALICE);
    stuck.pause();
    stuck.write(clientFrame(0x81, Buffer.from('{"type":"chat","content":"Hi"}')));
    const mute = await rawSocket(t.url, ALICE);
    const socket = await SocketClient.of(t.url, 'alice');
    await followed(alice, socket);
    const started = performance.now();
    await t.app.close();
    expect(performance.now() - started).toBeLessThan(6_000 + SLACK_MS);
    for (const each of [stuck, mute]) each.destroy();
  });
});
