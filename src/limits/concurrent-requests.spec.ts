import { once } from 'node:events';
import { createServer, request, type ClientRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppConfig } from '../config/app-config';
import { HTTP_BOUNDS } from '../config/bounds';
import { ConcurrentRequests, type RequestKind } from './concurrent-requests';

type Bound = 'requestsAtOnce' | 'expensiveAtOnce' | 'opensAtOnce' | 'requestsWaiting' | 'requestsWaitingMs';
const bound = (name: Bound, limit: number) =>
  vi.spyOn<{ limit: number }, 'limit'>(HTTP_BOUNDS[name], 'limit', 'get').mockReturnValue(limit);

/** Asks as a user (the path), and says what became of it. */
interface Asked {
  client: ClientRequest;
  status: Promise<number | undefined>;
}

let server: Server;
/** Ends what has begun, by path, the oldest first. */
let begun: { path: string; end: () => void; endRequest?: () => void }[];

function serve(identity: number): void {
  const requests = new ConcurrentRequests({ limits: { identity } } as AppConfig);
  // What an earlier test has left is not counted in a later one.
  const ours = begun;
  server.on('request', (incoming, response) => {
    const path = incoming.url ?? '';
    const kind = /^\/(expensive|opening)/.exec(path)?.[1] as RequestKind | undefined;
    requests.enter(path, incoming.socket, response, kind).then(
      (endRequest) => ours.push({ path, end: () => response.end(), endRequest }),
      () => response.writeHead(429).end(),
    );
  });
}

beforeEach(async () => {
  begun = [];
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  vi.restoreAllMocks();
  server.close().closeAllConnections();
  await once(server, 'close');
});

function ask(path: string): Asked {
  const client = request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', path });
  const status = new Promise<number | undefined>((resolve) => {
    client.once('response', (response) => resolve(response.resume().statusCode));
    client.once('error', () => resolve(undefined));
  });
  client.end();
  return { client, status };
}

const paths = () => begun.map(({ path }) => path);
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

async function askAll(path: string, count: number): Promise<Asked[]> {
  const arrived = vi.fn();
  server.on('request', arrived);
  const all: Asked[] = [];
  // One after the other, so that their order is known.
  while (all.length < count) {
    all.push(ask(path));
    await until(() => expect(arrived).toHaveBeenCalledTimes(all.length));
  }
  return all;
}

describe('ConcurrentRequests', () => {
  it('begins so many of a user, the others when those are over, and those of another user at once', async () => {
    bound('requestsAtOnce', 2);
    serve(1200);
    const asked = await askAll('/alice', 5);
    await until(() => expect(begun).toHaveLength(2));
    await askAll('/bob', 1);
    await until(() => expect(paths()).toEqual(['/alice', '/alice', '/bob']));
    for (let over = 0; over < 5; over++) {
      begun.find(({ path }) => path === '/alice')?.end();
      begun.splice(paths().indexOf('/alice'), 1);
      const left = Math.min(2, 4 - over);
      await until(() => expect(paths().filter((path) => path === '/alice')).toHaveLength(left));
    }
    expect(await Promise.all(asked.map(({ status }) => status))).toEqual([200, 200, 200, 200, 200]);
  });

  it('a client that leaves gives its turn to the next, whether it has begun or waits', async () => {
    bound('requestsAtOnce', 1);
    serve(1200);
    const [first, second, third] = await askAll('/alice', 3);
    await until(() => expect(begun).toHaveLength(1));
    second.client.destroy();
    await second.status;
    await sleep(50);
    expect(begun).toHaveLength(1);
    first.client.destroy();
    await until(() => expect(begun).toHaveLength(2));
    begun[1].end();
    expect(await third.status).toBe(200);
    const next = ask('/alice');
    await until(() => expect(begun).toHaveLength(3));
    begun[2].end();
    expect(await next.status).toBe(200);
  });

  it('refuses what waits beyond the bound, in number and in time', async () => {
    bound('requestsAtOnce', 1);
    bound('requestsWaiting', 1);
    serve(1200);
    const [first, , beyond] = await askAll('/alice', 3);
    expect(await beyond.status).toBe(429);
    bound('requestsWaitingMs', 50);
    begun[0].end();
    expect(await first.status).toBe(200);
    await until(() => expect(begun).toHaveLength(2));
    expect(await ask('/alice').status).toBe(429);
    begun[1].end();
    const next = ask('/alice');
    await until(() => expect(begun).toHaveLength(3));
    begun[2].end();
    expect(await next.status).toBe(200);
  });

  it('of expensive ones so many, whatever else the user asks for', async () => {
    bound('requestsAtOnce', 2);
    bound('expensiveAtOnce', 1);
    serve(1200);
    await askAll('/expensive', 3);
    await askAll('/others', 3);
    await until(() => expect(paths().toSorted()).toEqual(['/expensive', '/others', '/others']));
  });

  it('of answers that stay open so many until they begin, and lets all of them wait', async () => {
    bound('opensAtOnce', 2);
    bound('requestsWaiting', 1);
    serve(1200);
    const asked = await askAll('/opening', 6);
    for (let opened = 2; opened <= 6; opened += 2) {
      await until(() => expect(begun).toHaveLength(opened));
      for (const { endRequest } of begun.slice(opened - 2)) endRequest?.();
    }
    // A turn that has ended goes to nobody once more when its answer ends.
    for (const { end } of begun) end();
    expect(await Promise.all(asked.map(({ status }) => status))).toEqual(Array(6).fill(200));
    await askAll('/opening', 3);
    await until(() => expect(begun).toHaveLength(8));
    await sleep(50);
    expect(begun).toHaveLength(8);
  });

  it('limits nobody where requests of users are not limited', async () => {
    bound('requestsAtOnce', 1);
    serve(0);
    await askAll('/alice', 5);
    await until(() => expect(paths().filter((path) => path === '/alice')).toHaveLength(5));
  });
});
