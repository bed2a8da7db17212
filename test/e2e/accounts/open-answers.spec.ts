import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConversationFeed } from '../../../src/replies/read/conversation-feed';
import { parseAppConfig } from '../../../src/config/environment';
import { ApiClient, type Turn } from '../../support/api-client';
import { createTestApp } from '../../support/create-test-app';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { type Refusal, SocketClient } from '../../support/socket-client';
import { useChatApp } from '../../support/use-chat-app';

const LIMIT = 4;

const t = useChatApp(
  { MAX_OPEN_STREAMS_PER_USER: String(LIMIT) },
  { own: 'replaces methods of the service and leaves answers open' },
);
const { model } = t;
const alice = t.client('alice');
const bob = t.client('bob');
beforeEach(() => model.reset());
afterEach(() => vi.restoreAllMocks());

const socketOf = (user: string) => SocketClient.open(t.url, { 'x-user-id': user });

/** Settles when so many more answers can be opened, and no more; closes them again. */
async function expectRoom(client: ApiClient, room: number): Promise<void> {
  const { id } = await client.conversation();
  let found = -1;
  for (let tries = 0; tries < 100 && found !== room; tries++) {
    await sleep(50);
    const feeds = await Promise.all(Array.from({ length: LIMIT + 1 }, () => client.feed(id)));
    found = feeds.filter(({ status }) => status === 200).length;
    feeds.forEach((feed) => feed.close());
  }
  expect(found).toBe(room);
}

it('streams, feeds, sockets and requests that wait are counted together, and what is above is refused', async () => {
  const [quiet, busy, waited] = [
    await alice.conversation(),
    await alice.conversation(),
    await alice.conversation(),
  ];
  const gates = [hold(), hold()];
  model.script(reply(['One', gates[0]]));
  const stream = await (await alice.stream(busy.id, 'Hi')).count(2);
  model.script(reply(['Two', gates[1]]));
  const waiting = alice.say(waited.id, 'Hi');
  await gates[1].reached;
  const feed = await alice.feed(quiet.id);
  const socket = await socketOf('alice');

  const refusals: { status?: unknown; code?: unknown }[] = [
    await (await alice.feed(quiet.id)).problem(),
    await (await alice.follow(stream.messageId)).problem(),
    await (await alice.stream(quiet.id, 'More')).problem(),
    await (await alice.open('POST', '/chat', { content: 'More' })).problem(),
    await (await alice.open('POST', `/messages/${stream.messageId}/regenerate`, {})).problem(),
    (await alice.post(`/chat/${quiet.id}`, { content: 'More' })).body,
    await (
      await new ApiClient(t.url).open('GET', `/chat/${quiet.id}/stream?ticket=${await alice.ticket()}`)
    ).problem(),
  ];
  for (const { status, code } of refusals) expect([status, code]).toEqual([429, 'too_many_streams']);
  const refused = await socketOf('alice').then(
    () => undefined,
    (refusal: unknown) => refusal as Refusal,
  );
  expect([refused?.status, refused?.body.code]).toEqual([429, 'too_many_streams']);
  expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
  const answer = await alice.post(`/chat/${quiet.id}`, { content: 'More' });
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await alice.history(quiet.id)).toEqual([]);
  // What does not last is not refused, and nobody else is.
  expect((await alice.post(`/chat/${busy.id}/stop`)).status).toBe(200);
  await expectRoom(bob, LIMIT);

  await stream.done();
  await expectRoom(alice, 1);
  gates.forEach((gate) => gate.release());
  expect((await waiting).response).toBe('Two');
  await expectRoom(alice, 2);
  feed.close();
  await expectRoom(alice, 3);
  socket.socket.close();
  await expectRoom(alice, 4);
});

it('is free again after whatever end: refusals, failures, answers without a body, clients that leave', async () => {
  const { id } = await alice.conversation();
  const turn = await alice.say(id, 'Hi');
  const last = `${turn.message.id}:999999`;
  for (let round = 0; round < 2 * LIMIT; round++) {
    await (await alice.feed('00000000-0000-7000-8000-000000000000')).problem();
    await (await alice.stream(id, '')).problem();
    expect((await alice.get(`/messages/${turn.message.id}/stream`, { 'last-event-id': last })).status).toBe(
      204,
    );
    const leaving = new AbortController();
    const gate = hold();
    model.script(reply(['One', gate]));
    const gone = fetch(`${t.url}/api/v1/chat/${(await alice.conversation()).id}`, {
      method: 'POST',
      headers: { 'x-user-id': 'alice', 'content-type': 'application/json' },
      body: JSON.stringify({ content: 'Hi' }),
      signal: leaving.signal,
    }).catch(() => undefined);
    await gate.reached;
    leaving.abort();
    gate.release();
    await gone;
    // Which the server hears of a moment later.
    await sleep(20);
  }
  await expectRoom(alice, LIMIT);
});

it('one connection with many requests ahead holds no more than anybody', async () => {
  const opened = vi.spyOn(t.app.get(ConversationFeed, { strict: false }), 'open');
  const { id } = await alice.conversation();
  const { port } = new URL(t.url);
  const client = connect(Number(port), '127.0.0.1');
  client.on('error', () => undefined);
  client.write(`GET /api/v1/chat/${id}/stream?user_id=alice HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`.repeat(300));
  await sleep(1_000);
  expect(opened.mock.calls.length).toBeGreaterThan(0);
  expect(opened.mock.calls.length).toBeLessThanOrEqual(LIMIT);
  client.destroy();
  await expectRoom(alice, LIMIT);
});

it('what a socket reads counts like any stream, until it is over', async () => {
  const { id } = await alice.conversation();
  const gate = hold();
  model.script(reply(['One', gate]));
  const socket = await SocketClient.of(t.url, 'alice');
  const others = await Promise.all(Array.from({ length: LIMIT - 2 }, () => alice.feed(id)));
  socket.send({ type: 'chat', request_id: 'r', conversation_id: id, content: 'Hi' });
  await socket.until(() => socket.eventsFor('r').length > 1);
  expect(await socket.ask({ type: 'follow', request_id: 'x', conversation_id: id })).toMatchObject({
    type: 'error',
    data: { code: 'too_many_streams' },
  });
  expect((await (await alice.feed(id)).problem()).code).toBe('too_many_streams');
  gate.release();
  await socket.reply('r');
  await expectRoom(alice, 1);
  others.forEach((answer) => answer.close());
  await socket.close();
  await expectRoom(alice, LIMIT);
});

it('twenty tabs pass', async () => {
  const usual = await createTestApp({ env: { ...model.env, RATE_LIMITS: 'on' } });
  const carol = ApiClient.of(usual.url, 'carol');
  const { id } = await carol.conversation();
  const { body } = await carol.post<Turn>(`/chat/${id}`, { content: 'Hi' });
  const tabs = Array.from({ length: 20 }, async () => [
    await carol.feed(id),
    await carol.feed(id),
    await carol.follow(body.message.id),
  ]);
  const answers = (await Promise.all(tabs)).flat();
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  answers.forEach((answer) => answer.close());
  await usual.close();
});

it('the default goes with the limits of rates, what the operator has set does not', () => {
  const limitOf = (env: NodeJS.ProcessEnv) => parseAppConfig({ ...env }).limits.openStreams;
  expect(limitOf({})).toBe(200);
  expect(limitOf({ RATE_LIMITS: 'off' })).toBe(0);
  expect(limitOf({ RATE_LIMITS: 'off', MAX_OPEN_STREAMS_PER_USER: '7' })).toBe(7);
  expect(limitOf({ MAX_OPEN_STREAMS_PER_USER: '0' })).toBe(0);
});
