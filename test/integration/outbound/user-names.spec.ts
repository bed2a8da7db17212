import { setTimeout as sleep } from 'node:timers/promises';
import { OUTBOUND_BOUNDS } from '../../../src/config/bounds';
import { TooManyLookups } from '../../../src/outbound/lookup-queue';
import { UserNames } from '../../../src/outbound/user-names';
import { type NameAnswer, type NameServer, startNameServer } from '../../support/name-server';

const { lookupsOfUser, lookups, waitingLookupsOfUser, waitingLookups, lookupTime, addressesOfName } =
  OUTBOUND_BOUNDS;
/** Far less than a name may wait. */
const SLOW_MS = 100;

let server: NameServer;
let names: UserNames;

beforeEach(async () => {
  server = await startNameServer(() => ['8.8.8.8']);
  names = new UserNames([server.address]);
});
afterEach(() => server.close());

const many = (count: number) => Array.from({ length: count }, (_, index) => index);
const slowly = async (): Promise<NameAnswer> => {
  await sleep(SLOW_MS);
  return ['8.8.8.8'];
};
const codeOf = (lookup: Promise<unknown>) =>
  lookup.then(
    () => 'resolved',
    (error: NodeJS.ErrnoException) => error.code,
  );
const distinct = () => [...new Set(server.questions.map(({ name }) => name))];

it('a name has the addresses of both families, through an alias', async () => {
  server.answer = () => ['8.8.8.8', '1.1.1.1', '2606:4700::1111'];
  expect(await names.resolve('alice', 'api.example')).toEqual([
    { address: '8.8.8.8', family: 4 },
    { address: '1.1.1.1', family: 4 },
    { address: '2606:4700::1111', family: 6 },
  ]);
  server.answer = () => ['2606:4700::1111'];
  expect(await names.resolve('alice', 'api.example.')).toEqual([{ address: '2606:4700::1111', family: 6 }]);
});

it('a name that means something else a moment later is asked for again', async () => {
  expect(await names.resolve('alice', 'api.example')).toMatchObject([{ address: '8.8.8.8' }]);
  server.answer = () => ['127.0.0.1'];
  expect(await names.resolve('alice', 'api.example')).toMatchObject([{ address: '127.0.0.1' }]);
});

it('what does not exist, has no address or is no name is not found', async () => {
  server.answer = (name) => (name === 'gone.example' ? 'unknown' : []);
  expect(await codeOf(names.resolve('alice', 'gone.example'))).toBe('ENOTFOUND');
  expect(await codeOf(names.resolve('alice', 'empty.example'))).toBe('ENOTFOUND');
  expect(await codeOf(names.resolve('alice', `${'x'.repeat(64)}.example`))).toBe('EBADNAME');
});

it.each(['localhost', 'LOCALHOST.', 'a.localhost'])(
  '%s is this machine, and never asked for',
  async (name) => {
    expect(await names.resolve('alice', name)).toEqual([{ address: '127.0.0.1', family: 4 }]);
    expect(server.questions).toEqual([]);
  },
);

it('a name server that is silent is given up, and what it has said is used', async () => {
  server.answer = (name, type) => (name === 'half.example' && type === 'A' ? ['8.8.8.8'] : 'silence');
  const began = performance.now();
  const [half, silent] = await Promise.all([
    names.resolve('alice', 'half.example'),
    codeOf(names.resolve('alice', 'silent.example')),
  ]);
  expect([half, silent]).toEqual([[{ address: '8.8.8.8', family: 4 }], 'ETIMEOUT']);
  const ms = performance.now() - began;
  expect(ms).toBeGreaterThan(lookupTime.limit - 100);
  expect(ms).toBeLessThan(4 * lookupTime.limit);
});

it('of one name no more addresses are looked at than a few', async () => {
  server.answer = () => many(40).map((index) => `8.8.8.${index}`);
  expect(await names.resolve('alice', 'api.example')).toHaveLength(addressesOfName.limit);
});

it('one user has few looked up at once, a few more wait, and the rest is refused at once', async () => {
  server.answer = slowly;
  const watched = server.watch(/./);
  const most = lookupsOfUser.limit + waitingLookupsOfUser.limit;
  const answers = await Promise.all(
    many(40).map((index) => codeOf(names.resolve('alice', `n${index}.example`))),
  );
  expect(answers.filter((answer) => answer === 'resolved')).toHaveLength(most);
  expect(answers.filter((answer) => answer === 'TOO_MANY_LOOKUPS')).toHaveLength(40 - most);
  expect([watched.most(), distinct().length]).toEqual([lookupsOfUser.limit, most]);
});

it('nobody waits for long', async () => {
  server.answer = () => 'silence';
  const began = performance.now();
  const answers = await Promise.all(
    many(10).map((index) => codeOf(names.resolve('alice', `n${index}.example`))),
  );
  expect(performance.now() - began).toBeLessThan(5 * lookupTime.limit);
  expect(new Set(answers)).toEqual(new Set(['ETIMEOUT', 'TOO_MANY_LOOKUPS']));
  server.answer = () => ['8.8.8.8'];
  expect(await codeOf(names.resolve('alice', 'again.example'))).toBe('resolved');
});

it('all users together have few looked up at once, and so many waiting', async () => {
  server.answer = slowly;
  const watched = server.watch(/./);
  const asked = many(lookups.limit + waitingLookups.limit).map((index) =>
    codeOf(names.resolve(`user-${index}`, `n${index}.example`)),
  );
  await expect(names.resolve('late', 'late.example')).rejects.toThrow(TooManyLookups);
  const answers = new Set(await Promise.all(asked));
  expect(answers).toEqual(new Set(['resolved']));
  expect(watched.most()).toBe(lookups.limit);
});

it('users with many do not make one with few wait for more than the next answer', async () => {
  server.answer = slowly;
  const greedy = lookups.limit / lookupsOfUser.limit;
  const asked = many(greedy).flatMap((user) =>
    many(10).map((index) => codeOf(names.resolve(`greedy-${user}`, `n${index}.user${user}.example`))),
  );
  await names.resolve('modest', 'modest.example');
  expect(distinct().indexOf('modest.example')).toBe(lookups.limit);
  await Promise.all(asked);
});

it('what is being looked up for a user already is not asked for again, but for another user', async () => {
  server.answer = slowly;
  await Promise.all(many(50).map(() => names.resolve('alice', 'api.example')));
  expect(server.questions).toHaveLength(2);
  await Promise.all([names.resolve('alice', 'api.example'), names.resolve('bob', 'api.example')]);
  expect(server.questions).toHaveLength(6);
});
