import { REPLY_BOUNDS } from '../../config/bounds';
import { SlotPool } from './slot-pool';

const never = new AbortController().signal;
const ignore = () => undefined;

/** Calls what waits by name, in the order in which it is admitted. */
function waitersOf(pool: SlotPool) {
  const admitted: string[] = [];
  return {
    admitted,
    wait: (userId: string) => void pool.wait(userId, never).then(() => admitted.push(userId)),
  };
}

/** Until promises that have settled have told so. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

it('gives no more slots than there are, and each again when it is released', () => {
  const pool = new SlotPool(2, ignore);
  expect(['a', 'b', 'c'].map((user) => pool.take(user))).toEqual([true, true, false]);
  pool.release('a');
  expect([pool.take('c'), pool.take('d'), pool.free]).toEqual([true, false, 0]);
});

it('admits running replies of users with fewer first, then of who was served longest ago, then the oldest', async () => {
  const pool = new SlotPool(2, ignore);
  const { wait, admitted } = waitersOf(pool);
  pool.take('a');
  pool.take('b');
  for (const user of ['a', 'a', 'b', 'c', 'c', 'd']) wait(user);
  for (const user of ['b', 'c', 'd', 'b', 'a', 'a']) {
    pool.release(user);
    await settled();
  }
  expect(admitted).toEqual(['c', 'd', 'b', 'c', 'a', 'a']);
});

it('lets nobody go ahead of stored replies, until they are all begun', async () => {
  let calls = 0;
  const pool = new SlotPool(1, () => calls++);
  const { wait, admitted } = waitersOf(pool);
  pool.take('a');
  pool.await();
  wait('a');
  pool.release('a');
  await settled();
  expect([calls, pool.take('b'), admitted]).toEqual([1, false, []]);
  expect(pool.takeNext({ userId: 'b', since: Date.now() + 1000 })).toBe(true);
  pool.release('b');
  expect(calls).toBe(2);
  pool.settle();
  await settled();
  expect([admitted, pool.free]).toEqual([['a'], 0]);
});

it('serves a running reply that comes before the stored one', async () => {
  const pool = new SlotPool(1, ignore);
  const { wait, admitted } = waitersOf(pool);
  pool.await();
  pool.takeNext({ userId: 'b', since: 0 });
  wait('a');
  pool.release('b');
  expect(pool.takeNext({ userId: 'b', since: 0 })).toBe(false);
  await settled();
  expect(admitted).toEqual(['a']);
});

it('forgets a waiter that gives up, and holds nothing for it', async () => {
  const pool = new SlotPool(1, ignore);
  const leave = new AbortController();
  pool.take('a');
  const waiting = pool.wait('b', leave.signal);
  leave.abort(new Error('left'));
  await expect(waiting).rejects.toThrow('left');
  await expect(pool.wait('b', leave.signal)).rejects.toThrow('left');
  pool.release('a');
  expect([pool.free, pool.take('c')]).toEqual([1, true]);
});

it('keeps in mind a bounded number of users, those who were served last', () => {
  const { limit } = REPLY_BOUNDS.servedUsers;
  const pool = new SlotPool(1, ignore);
  for (let n = 0; n < limit + 10; n++) {
    pool.take(`user ${n}`);
    pool.release(`user ${n}`);
  }
  const known = pool.standings.map(({ user_id }) => user_id);
  expect([known.length, known[0]]).toEqual([limit, 'user 10']);
});
