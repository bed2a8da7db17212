import type { Subject } from 'rxjs';
import { getEventListeners } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { JobQueue } from '../../src/jobs/job-queue';
import { ActiveReplies } from '../../src/replies/produce/active-replies';
import { ConversationsService } from '../../src/conversations/conversations.service';
import type { InProcessSignals } from '../../src/signals/in-process-signals';
import { Signals } from '../../src/signals/signals';
import { reply } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { SocketClient } from '../support/socket-client';
import { useChatApp } from '../support/use-chat-app';

/** No more than may wait in a conversation. */
const REQUESTS = 15;

/** Every signal that the service has listened to; the tests' own clients are in this process, too. */
const signals = new Set<AbortSignal>();
const connections = new Set<Socket>();
// eslint-disable-next-line typescript/unbound-method
const { addEventListener } = AbortSignal.prototype;

/** What begins by itself, in the middle of a test as well, and in another application of this worker: it belongs to no request. */
const BY_THE_CLOCK = /\/pg-boss\/|\/repeated-task\.|\/sliced-work\./;

const t = useChatApp({}, { own: 'counts listeners and connections' });
const { model } = t;
const alice = t.client('alice');
beforeAll(async () => {
  AbortSignal.prototype.addEventListener = function (this: AbortSignal, ...args: unknown[]) {
    const { stack } = new Error();
    if (stack?.includes('/src/') && !BY_THE_CLOCK.test(stack)) signals.add(this);
    return addEventListener.apply(this, args as Parameters<typeof addEventListener>);
  };
  // It starts by itself after a while, and would be counted in the middle of a test.
  await t.app.get(JobQueue, { strict: false }).cancel('title', 'none');
  t.app.getHttpServer().on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
});
afterAll(() => (AbortSignal.prototype.addEventListener = addEventListener));

/** Those who wait for what the process as a whole tells. */
const observers = () => {
  const { started$, closed$ } = t.app.get(ActiveReplies, { strict: false });
  const { deletions } = t.app.get(ConversationsService, { strict: false });
  const topics = t.app.get(Signals, { strict: false }) as InProcessSignals;
  const subjects = [started$, closed$, deletions].map(
    (subject) => (subject as Subject<unknown>).observers.length,
  );
  return [...subjects, topics.size];
};

/** Of signals that may still abort. */
const listening = () => {
  const open = [...signals].filter(({ aborted }) => !aborted);
  return open.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0);
};

const onConnections = () =>
  [...connections].map((socket) =>
    Object.fromEntries(socket.eventNames().map((name) => [String(name), socket.listenerCount(name)])),
  );

/** Settles when the count is what it was. What has ended is let go a moment later; a poller after its pause, which is long where a poll took long. */
async function expectBack<T>(count: () => T, before: T): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (JSON.stringify(count()) === JSON.stringify(before)) return;
    await sleep(50);
  }
  expect(count()).toEqual(before);
}

it('turns that were waited for in the queue leave no listener behind', async () => {
  const { id } = await alice.conversation();
  model.script(reply('Warm.'));
  await alice.say(id, 'Hello');
  const before = [listening(), observers()];
  const gate = hold();
  model.script(reply(['One', gate]));
  const running = await (await alice.stream(id, 'First')).count(2);
  const waiting = Array.from({ length: REQUESTS }, () => alice.say(id, 'Next', { on_busy: 'queue' }));
  await sleep(200);
  gate.release();
  await running.done();
  await Promise.all(waiting);
  await expectBack(() => [listening(), observers()], before);
});

it('streams, feeds and sockets that have ended leave none, neither here nor on their connection', async () => {
  const { id } = await alice.conversation();
  model.script(reply('Warm.'));
  const { message } = await alice.say(id, 'Hello');
  const before = [listening(), observers()];
  for (let i = 0; i < REQUESTS; i++) {
    const [feed, stream] = [await alice.feed(id), await alice.follow(message.id)];
    await stream.done();
    feed.close();
    const socket = await SocketClient.open(t.url, { 'x-user-id': 'alice' });
    socket.socket.send(JSON.stringify({ type: 'follow', conversation_id: id }));
    socket.socket.close();
  }
  await expectBack(() => [listening(), observers()], before);
});

it('a connection that is used again and again collects none', async () => {
  const { id } = await alice.conversation();
  model.script(reply('Warm.'));
  const { message } = await alice.say(id, 'Hello');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const get = (path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = { 'x-user-id': 'alice' };
      httpRequest(`${t.url}/api/v1${path}`, { agent, headers }, (response) => {
        response.resume().once('end', resolve);
      })
        .once('error', reject)
        .end();
    });
  const paths = [`/messages/${message.id}/stream`, `/messages/${message.id}`, '/models', '/nowhere'];
  const all = async () => {
    for (const path of paths) await get(path);
    await sleep(50);
  };
  await all();
  const used = [...connections];
  const before = onConnections();
  for (let i = 0; i < REQUESTS; i++) await all();
  expect([...connections]).toEqual(expect.arrayContaining(used));
  await expectBack(onConnections, before);
  agent.destroy();
});
