import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type Person, signUp } from '../../support/accounts';
import { useChatApp } from '../../support/use-chat-app';

/*
 * A user's provider is anybody's server: whatever it answers, we read a little of it for a little while.
 */

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
const BOMB = gzipSync(Buffer.alloc(200 * 1024 ** 2, ' '));
/** A chunk of 64 kB, as HTTP frames it. */
const CHUNK = `10000\r\n${'x'.repeat(65_536)}\r\n`;

const ANSWERS: Record<string, (socket: Socket) => unknown> = {
  'a body without an end': (socket) => {
    socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`);
    return flood(socket, CHUNK);
  },
  'a length of ten gigabytes': (socket) => {
    socket.write(`${OK}Content-Length: 10737418240\r\n\r\n`);
    return flood(socket, 'x'.repeat(65_536));
  },
  'two hundred megabytes in two hundred kilobytes': (socket) => {
    socket.write(
      `${OK}Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: ${BOMB.length}\r\n\r\n`,
    );
    socket.end(BOMB);
  },
  'headers without an end': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    return flood(socket, `X-More: ${'x'.repeat(1_000)}\r\n`);
  },
  'one interim answer after another': (socket) => flood(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'),
  'one byte at a time': async (socket) => {
    socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`);
    while (socket.writable) {
      socket.write('1\r\nx\r\n');
      await sleep(200);
    }
  },
  'no HTTP': (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'),
  'a page of what is inside': (socket) =>
    socket.end(
      `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>internal banner</h1>`,
    ),
};

let alice: Person;

const t = useChatApp(
  { AUTH_MODE: 'token', PROVIDER_ALLOWED_HOSTS: '127.0.0.1' },
  { own: 'has accounts whose names others use' },
);
beforeAll(async () => {
  alice = await signUp(t.url, 'alice');
});

async function flood(socket: Socket, text: string): Promise<void> {
  while (socket.writable) {
    if (!socket.write(text))
      await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
    await sleep(0);
  }
}

/** A server with that behaviour, asked for its models, and what is then still open to it. */
async function check(answer: (socket: Socket) => unknown) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    socket.once('data', () => void answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const made = await alice.api.post<{ id: string }>('/providers', {
    name: `p${port}`,
    base_url: `http://127.0.0.1:${port}/v1`,
    api_key: 'sk-whatever-4711',
    models: ['gpt'],
  });
  const began = Date.now();
  const { status, body, text } = await alice.api.post(`/providers/${made.body.id}/check`);
  const ms = Date.now() - began;
  for (const end = Date.now() + 20_000; sockets.size > 0 && Date.now() < end;) await sleep(20);
  const open = sockets.size;
  sockets.forEach((socket) => socket.destroy());
  server.close();
  return { status, body, text, ms, open };
}

it('whatever a provider answers is given up', async () => {
  const before = process.memoryUsage().rss;
  const checks = Object.entries(ANSWERS).map(async ([name, answer]) => ({ name, ...(await check(answer)) }));
  for (const { name, text, ms, ...checked } of await Promise.all(checks)) {
    expect({ name, ...checked }).toMatchObject({
      name,
      status: 200,
      open: 0,
      body: { ok: false, models: [] },
    });
    expect(text).not.toMatch(/banner|SSH|xxx/);
    expect([name, ms < 13_000]).toEqual([name, true]);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 ** 2);
});
