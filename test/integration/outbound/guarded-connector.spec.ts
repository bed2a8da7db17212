import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, fetch } from 'undici';
import { guardedConnector } from '../../../src/outbound/guarded-connector';
import { isPublicAddress } from '../../../src/outbound/public-address';
import type { Resolve } from '../../../src/outbound/user-names';

/** Answers one set of addresses after the other, as a resolver that has been taken over might. */
function resolver(...sets: string[][]): Resolve & { asked: number } {
  const resolve = Object.assign(
    () => {
      const set = sets[Math.min(resolve.asked, sets.length - 1)];
      resolve.asked += 1;
      return Promise.resolve(set.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
    },
    { asked: 0 },
  );
  return resolve;
}

async function hitsOf(
  resolve: Resolve,
  allowed: string[] = [],
  host = 'name.example',
): Promise<{ hits: number; code?: string }> {
  let hits = 0;
  const server = createServer((_request, response) => {
    hits += 1;
    response.end('inside');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ connect: guardedConnector(300, allowed, resolve) });
  const code = await fetch(`http://${host}:${port}/`, { dispatcher: agent }).then(
    () => undefined,
    (error: { cause?: { code?: string } }) => error.cause?.code,
  );
  await agent.destroy();
  server.close();
  return { hits, ...(code && { code }) };
}

it.each([
  ['a private address', [['127.0.0.1']]],
  ['a private one among public ones', [['8.8.8.8', '127.0.0.1']]],
  ['both families', [['2606:4700::1111', '::1']]],
  ['none', [[]]],
])('a name with %s is not connected to', async (_what, sets) => {
  expect(await hitsOf(resolver(...sets))).toEqual({ hits: 0, code: 'ADDRESS_NOT_ALLOWED' });
});

it('a name that does not exist fails as one of a private address does; one that takes too long does not', async () => {
  for (const [code, seen] of [
    ['ENOTFOUND', 'ADDRESS_NOT_ALLOWED'],
    ['ESERVFAIL', 'ADDRESS_NOT_ALLOWED'],
    ['ETIMEOUT', 'ETIMEOUT'],
  ]) {
    const failing = () => Promise.reject(Object.assign(new Error('No such name.'), { code }));
    expect(await hitsOf(failing)).toEqual({ hits: 0, code: seen });
  }
});

it('what was looked up for the check is what is connected to', async () => {
  const resolve = resolver(
    ['192.0.2.1'].map(() => '8.8.8.8'),
    ['127.0.0.1'],
  );
  const { hits } = await hitsOf(resolve);
  expect([hits, resolve.asked]).toEqual([0, 1]);
});

it('an address is checked although nobody looks it up', async () => {
  for (const host of ['127.0.0.1', '[::ffff:7f00:1]', '2130706433'])
    expect(await hitsOf(resolver(['8.8.8.8']), [], host)).toEqual({ hits: 0, code: 'ADDRESS_NOT_ALLOWED' });
});

it('a host that is allowed is connected to', async () => {
  expect(await hitsOf(resolver(['8.8.8.8']), ['127.0.0.1'], '127.0.0.1')).toEqual({ hits: 1 });
});

it.each([
  ['8.8.8.8', true],
  ['1.1.1.1', true],
  ['2606:4700:4700::1111', true],
  ['172.32.0.1', true],
  ['172.31.255.255', false],
  ['100.127.255.255', false],
  ['198.19.0.1', false],
  ['240.0.0.1', false],
  ['::ffff:8.8.8.8', false],
  ['64:ff9b::808:808', false],
  ['fe80::1%eth0', false],
  ['fc00::1', false],
  ['2001:db8::1', false],
  ['', false],
  ['example.com', false],
])('%s is public: %s', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected);
});
