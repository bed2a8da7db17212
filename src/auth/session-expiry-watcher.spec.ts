import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { IDENTITY_BOUNDS } from '../config/bounds';
import type { UserChangeFeed } from '../users/revocations/user-change-feed';
import { subjectOf } from '../users/revocations/subject';
import type { Identity } from './identity';
import { SessionExpiryWatcher } from './session-expiry-watcher';
import type { IdentityStrategy } from './strategies/identity-strategy';

const AWAY = new Error('The database is away');

let changed: (subject: string | undefined) => void;
let watch: SessionExpiryWatcher;
/** Subjects that were looked up, in order. */
let asked: string[];
let atOnce: number;
let most: number;
let answer: (identity: Identity) => Identity | undefined;
const leaving: (() => void)[] = [];

beforeEach(() => {
  Logger.overrideLogger(false);
  [asked, atOnce, most] = [[], 0, 0];
  answer = (identity) => identity;
  const renew = async (identity: Identity) => {
    asked.push(identity.sessionId ?? identity.userId);
    most = Math.max(most, (atOnce += 1));
    await sleep(5);
    atOnce -= 1;
    return answer(identity);
  };
  watch = new SessionExpiryWatcher(
    { subscribe: (on: typeof changed) => (changed = on) } as unknown as UserChangeFeed,
    { renew } as unknown as IdentityStrategy,
  );
});

afterEach(() => leaving.splice(0).forEach((leave) => leave()));

const user = (userId: string): Identity => ({ userId, role: 'user' });

/** Opens so many streams; tells how many of them have ended. */
function open(identity: Identity, many: number): { ended: number } {
  const seen = { ended: 0 };
  for (let i = 0; i < many; i += 1) leaving.push(watch.watch(identity, () => (seen.ended += 1)));
  return seen;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 3_000 && !condition(); i += 1) await sleep(10);
  expect(condition()).toBe(true);
}

it('a thousand streams of one user are one look-up', async () => {
  const streams = open(user('alice'), 1_000);
  changed(undefined);
  await until(() => asked.length > 0);
  await sleep(50);
  expect([asked, streams.ended]).toEqual([['alice'], 0]);
});

it('never many look-ups at once, and one for each session', async () => {
  for (let i = 0; i < 100; i += 1) open({ ...user(`user${i % 20}`), sessionId: `session${i % 50}` }, 3);
  changed(undefined);
  changed(undefined);
  await until(() => new Set(asked).size === 50);
  await sleep(50);
  expect(most).toBeLessThanOrEqual(IDENTITY_BOUNDS.identityLookUps.limit);
  // Only those that were under way when the second change came are looked up again.
  expect(asked.length).toBeLessThanOrEqual(100 + IDENTITY_BOUNDS.identityLookUps.limit);
});

it('a look-up that fails ends nobody: it is made again, until there is an answer', async () => {
  const users = Array.from({ length: 40 }, (_, i) => open(user(`user${i}`), 25));
  answer = () => {
    throw AWAY;
  };
  changed(undefined);
  await until(() => asked.length > 60);
  expect(users.filter(({ ended }) => ended > 0)).toEqual([]);
  asked = [];
  answer = (identity) => (identity.userId === 'user7' ? undefined : identity);
  await until(() => users[7].ended === 25);
  // Those under way at that moment have their answer already.
  await until(() => new Set(asked).size >= 40 - IDENTITY_BOUNDS.identityLookUps.limit);
  expect(users.reduce((sum, { ended }) => sum + ended, 0)).toBe(25);
  expect(asked.length).toBeLessThanOrEqual(40 + IDENTITY_BOUNDS.identityLookUps.limit);
}, 60_000);

it('what is on its way from before a change is not the answer to it', async () => {
  const streams = open(user('alice'), 10);
  changed(subjectOf('alice'));
  answer = () => undefined;
  const before = answer;
  answer = (identity) => identity;
  await sleep(1);
  answer = before;
  changed(subjectOf('alice'));
  await until(() => streams.ended === 10);
});

it('only those of whom something has changed are looked up', async () => {
  const [alice, bob] = [open(user('alice'), 5), open(user('bob'), 5)];
  answer = () => undefined;
  changed(subjectOf('bob'));
  await until(() => bob.ended === 5);
  expect([alice.ended, asked]).toEqual([0, ['bob']]);
});

it("each token of somebody else's ends as it said, without a look-up, and a session only if it was not renewed", async () => {
  answer = () => {
    throw AWAY;
  };
  const soon = Date.now() + 200;
  const brief = open({ ...user('alice'), expiresAt: soon }, 5);
  const longer = open({ ...user('alice'), expiresAt: soon + 60_000 }, 5);
  const session = open({ ...user('bob'), sessionId: 'one', expiresAt: soon }, 5);
  await until(() => brief.ended === 5);
  expect(longer.ended).toBe(0);
  await until(() => asked.includes('one'));
  expect([session.ended, asked.includes('alice')]).toEqual([0, false]);
  answer = (identity) => ({ ...identity, expiresAt: Date.now() + 300 });
  await until(() => asked.filter((each) => each === 'one').length > 2);
  answer = () => undefined;
  await until(() => session.ended === 5);
}, 60_000);
