import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../support/api-client';
import { captureLogs } from '../../support/log-capture';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { clientFrame, closeCode, rawSocket, SocketClient } from '../../support/socket-client';
import { useChatApp } from '../../support/use-chat-app';

const TEXT = 0x81;
const ALICE = { 'X-User-ID': 'alice' };
let bystander: SocketClient;

const logs = captureLogs('info');
const t = useChatApp({}, { own: 'reads its log', overrides: [logs.override] });
const { model } = t;
beforeAll(async () => {
  bystander = await SocketClient.of(t.url, 'bystander');
});
/** Whatever a socket does, others are served, and nothing of it is an event for us. */
afterEach(async () => {
  model.reset();
  const id = crypto.randomUUID();
  bystander.send({ type: 'chat', content: 'Hi', request_id: id });
  expect((await bystander.reply(id)).last.type).toBe('end');
  const loud = logs.lines
    .map((line) => JSON.parse(line) as { level: number })
    .filter(({ level }) => level > 30);
  expect(loud).toEqual([]);
});

describe('a frame that is not understood', () => {
  it.each([
    ['{', 'invalid_json'],
    ['', 'invalid_json'],
    ['null', 'invalid_body'],
    ['[]', 'invalid_body'],
    ['"chat"', 'invalid_body'],
    ['{}', 'validation_failed'],
    ['{"type":1}', 'validation_failed'],
    ['{"type":"describe"}', 'unknown_type'],
    ['{"type":"toString"}', 'unknown_type'],
    ['{"type":"__proto__"}', 'unknown_type'],
    ['{"__proto__":{"type":"chat"},"type":"chat"}', 'invalid_key'],
    ['{"type":"chat","content":"a","constructor":1}', 'invalid_key'],
    ['{"type":"chat","type":"stop"}', 'duplicate_key'],
    ['{"type":"chat","content":"\\u0000"}', 'invalid_text'],
    ['{"type":"chat","content":"\\ud800"}', 'invalid_text'],
    ['{"type":"chat","settings":{"temperature":1e999}}', 'invalid_number'],
    [`{"type":"chat","settings":${'['.repeat(50_000)}`, 'too_deep'],
    [`{"type":"chat","settings":[${'0,'.repeat(2_000)}0]}`, 'too_many_values'],
    ['{"type":"chat"}', 'validation_failed'],
    ['{"type":"chat","content":["a"]}', 'validation_failed'],
    ['{"type":"chat","content":"a","conversation_id":7}', 'validation_failed'],
    ['{"type":"chat","content":"a","idempotency_key":7}', 'validation_failed'],
    ['{"type":"chat","content":"a","request_id":""}', 'validation_failed'],
    ['{"type":"chat","content":"a","request_id":{}}', 'validation_failed'],
    ['{"type":"stop"}', 'validation_failed'],
    ['{"type":"stop","conversation_id":null}', 'validation_failed'],
    ['{"type":"stop","conversation_id":"../x"}', 'validation_failed'],
    ['{"type":"follow"}', 'validation_failed'],
    ['{"type":"follow","message_id":"x"}', 'validation_failed'],
    ['{"type":"follow","after":{},"message_id":"6f2f1c0e-6d0c-4c9a-8c54-1f3a3f0a7b11"}', 'validation_failed'],
    ['{"type":"unfollow"}', 'validation_failed'],
  ])('%.60s is an error: %s', async (text, code) => {
    const socket = await SocketClient.of(t.url, 'alice');
    socket.send(text);
    await socket.until(() => socket.frames.length === 1);
    expect(socket.frames[0]).toMatchObject({
      type: 'error',
      data: { code, message: expect.any(String), status: 400, retryable: false },
    });
    expect(socket.frames[0]).not.toHaveProperty('id');
    expect(socket.code).toBeUndefined();
    await socket.close();
  });

  it('says which fields are wrong, and of which request', async () => {
    const socket = await SocketClient.of(t.url, 'alice');
    expect(await socket.ask({ type: 'chat', request_id: 'r', content: 1, settings: { seed: 'x' } })).toEqual({
      type: 'error',
      request_id: 'r',
      data: {
        code: 'validation_failed',
        message: 'Some fields are not valid.',
        retryable: false,
        status: 400,
        errors: expect.arrayContaining([
          { path: 'content', message: 'must be a string' },
          { path: 'settings.seed', message: expect.any(String) },
        ]),
      },
    });
    await socket.close();
  });

  it('is none for null in an optional field, which is as if it were absent', async () => {
    const socket = await SocketClient.of(t.url, 'alice');
    const nothing = { conversation_id: null, message: null, settings: null, idempotency_key: null };
    socket.send({ type: 'chat', request_id: null, content: 'Hi', ...nothing });
    await socket.until(() => socket.eventsFor().at(-1)?.type === 'end');
    const [messageId] = socket.eventsFor()[0].id.split(':');
    const follow = { type: 'follow', message_id: messageId, conversation_id: null, after: null };
    socket.send({ ...follow, request_id: 'again' });
    expect((await socket.reply('again')).last.type).toBe('end');
    await socket.close();
  });

  it('closes the socket when it is the tenth in a row', async () => {
    const socket = await SocketClient.of(t.url, 'alice');
    for (let i = 0; i < 9; i++) socket.send('{}');
    await socket.ask({ type: 'unfollow', request_id: 'good', message_id: crypto.randomUUID() });
    for (let i = 0; i < 10; i++) socket.send('{}');
    expect(await socket.closed()).toBe(1008);
    expect(socket.frames.filter(({ type }) => type === 'error')).toHaveLength(19);
  });

  it('is not one that cannot be done at the moment', async () => {
    const alice = ApiClient.of(t.url, 'alice');
    const { id } = await alice.conversation();
    const gate = hold();
    model.script(reply([gate, 'Done.']));
    const running = await (await alice.stream(id, 'Hi')).count(1);
    const socket = await SocketClient.of(t.url, 'alice');
    for (let i = 0; i < 12; i++) {
      const chat = { type: 'chat', request_id: `r${i}`, conversation_id: id, content: 'Hi' };
      expect((await socket.ask(chat)).data.code).toBe('reply_in_progress');
    }
    gate.release();
    await running.done();
    await socket.close();
  });
});

describe('frames that come too fast', () => {
  it('are refused, then the socket is closed', async () => {
    const socket = await SocketClient.of(t.url, 'alice');
    const frame = JSON.stringify({ type: 'unfollow', message_id: crypto.randomUUID() });
    for (let i = 0; i < 1_000; i++) socket.send(frame);
    expect(await socket.closed()).toBe(1008);
    expect(socket.frames.filter(({ type }) => type === 'unfollowed').length).toBeLessThan(60);
    expect(socket.frames.find(({ type }) => type === 'error')?.data).toMatchObject({
      code: 'rate_limited',
      status: 429,
      retryable: true,
    });
  });

  it('are refused while large ones wait', async () => {
    const socket = await SocketClient.of(t.url, 'alice');
    const large = JSON.stringify({ type: 'chat', content: 'x'.repeat(99_000) });
    for (let i = 0; i < 20; i++) socket.send(large);
    await socket.until(() => socket.frames.some(({ data }) => data.code === 'rate_limited'));
    socket.socket.terminate();
  });
});

describe('what is no text frame', () => {
  /** Sends bytes and waits for the close code; none if the connection was just cut. */
  async function sendBytes(...pieces: Buffer[]): Promise<number | undefined> {
    const socket = await rawSocket(t.url, ALICE);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    for (const piece of pieces) {
      if (socket.destroyed || socket.readableEnded) break;
      if (!socket.write(piece))
        await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => 0);
    }
    if (!socket.destroyed) await once(socket, 'close');
    return closeCode(Buffer.concat(chunks));
  }

  it.each([
    ['a frame of 1 MB and a bit', clientFrame(TEXT, Buffer.alloc(1024 ** 2 + 1, 0x20)), 1009],
    ['the beginning of a frame of 100 MB', clientFrame(TEXT, Buffer.alloc(10), 100 * 1024 ** 2), 1009],
    ['a length beyond all numbers', clientFrame(TEXT, Buffer.alloc(10), 2 ** 60), 1009],
    ['a binary frame', clientFrame(0x82, Buffer.from('{"type":"chat"}')), 1003],
    ['invalid UTF-8', clientFrame(TEXT, Buffer.from([0xc3, 0x28])), 1007],
    ['an unmasked frame', Buffer.from([TEXT, 2, 0x7b, 0x7d]), 1002],
    ['a reserved bit', clientFrame(0xf1, Buffer.from('{}')), 1002],
    ['a compressed frame', clientFrame(0xc1, Buffer.from('{}')), 1002],
    ['a reserved opcode', clientFrame(0x83, Buffer.from('{}')), 1002],
    ['a ping in pieces', clientFrame(0x09, Buffer.from('x')), 1002],
    ['a continuation of nothing', clientFrame(0x80, Buffer.from('x')), 1002],
    ['a close with a code that nobody may send', clientFrame(0x88, Buffer.from([0x03, 0xed])), 1002],
  ])('%s closes the socket', async (_what, bytes, code) => {
    expect(await sendBytes(bytes)).toBe(code);
  });

  it('a close without a code is answered', async () => {
    const socket = await rawSocket(t.url, ALICE);
    const answer = once(socket, 'data');
    socket.write(clientFrame(0x88, Buffer.alloc(0)));
    expect((await answer)[0]).toEqual(Buffer.from([0x88, 0]));
    await once(socket, 'close');
  });

  it('20 000 fragments without an end close the socket', async () => {
    const first = clientFrame(0x01, Buffer.from('x'));
    const more = Buffer.concat(Array.from({ length: 20_000 }, () => clientFrame(0x00, Buffer.from('x'))));
    const empty = Buffer.concat(Array.from({ length: 20_000 }, () => clientFrame(0x00, Buffer.alloc(0))));
    expect(await sendBytes(first, more)).toBe(1008);
    expect(await sendBytes(first, empty)).toBe(1008);
  });

  it('a flood of pings or pongs closes the socket', async () => {
    for (const opcode of [0x89, 0x8a]) {
      const flood = Buffer.concat(
        Array.from({ length: 10_000 }, () => clientFrame(opcode, Buffer.alloc(100))),
      );
      expect(await sendBytes(flood)).toBe(1008);
    }
  });

  it('a few pings are answered', async () => {
    const socket = await SocketClient.of(t.url, 'alice');
    for (let i = 0; i < 3; i++) {
      socket.socket.ping('x');
      await once(socket.socket, 'pong');
    }
    await socket.close();
  });
});

describe('many sockets that break at once', () => {
  it('do no harm', async () => {
    const alice = ApiClient.of(t.url, 'alice');
    logs.lines.length = 0;
    const gate = hold();
    const { id } = await alice.conversation();
    model.script(reply(['Hel', gate, 'lo']));
    const running = await (await alice.stream(id, 'Hi')).count(2);
    for (let round = 0; round < 3; round++) {
      const sockets = await Promise.all(Array.from({ length: 40 }, () => SocketClient.of(t.url, 'alice')));
      for (const socket of sockets) socket.send({ type: 'follow', message_id: running.messageId });
      await Promise.all(sockets.map((socket) => socket.until(() => socket.frames.length > 1)));
      for (const { socket } of sockets) socket.terminate();
    }
    gate.release();
    expect((await running.done()).text).toBe('Hello');
    for (let i = 0; i < 1_000 && logs.lines.filter((line) => line.includes('close_code')).length < 120; i++)
      await sleep(20);
    expect(logs.lines.filter((line) => line.includes('"close_code":1006'))).toHaveLength(120);
    const socket = await SocketClient.of(t.url, 'alice');
    socket.send({ type: 'follow', message_id: running.messageId, request_id: 'r' });
    expect((await socket.reply('r')).text).toBe('Hello');
    await socket.close();
  });
});
