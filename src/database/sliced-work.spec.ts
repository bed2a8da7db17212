import { setTimeout as sleep } from 'node:timers/promises';
import { STORAGE_BOUNDS } from '../config/bounds';
import { SlicedWork, SliceSize } from './sliced-work';

const MOST = STORAGE_BOUNDS.rowsOfSlice.limit;
const AIM_MS = STORAGE_BOUNDS.sliceTime.limit;

/** A look takes at least as long as this. */
const slowly = (ms: number) => sleep(ms, undefined, { ref: true });

describe('the size of a slice', () => {
  it('is smaller after one that took long or failed, and never without bounds', async () => {
    const size = new SliceSize();
    const sizes: number[] = [];
    const take = (ms: number) =>
      size.of(async (rows) => {
        sizes.push(rows);
        await slowly(ms);
      });
    await take(4 * AIM_MS);
    await take(0);
    await size
      .of(async () => slowly(4 * AIM_MS).then(() => Promise.reject(new Error('timeout'))))
      .catch(() => undefined);
    await take(0);
    expect(sizes[0]).toBe(MOST);
    expect(sizes[1]).toBeLessThanOrEqual(MOST / 4);
    expect(sizes[2]).toBeLessThan(MOST);
    for (const rows of sizes) expect(rows).toBeGreaterThan(0);
  });
});

describe('work in slices', () => {
  it('goes on until nothing is left, never two at a time, and again when it is woken', async () => {
    let [left, running, most] = [3, 0, 0];
    const work = new SlicedWork({
      name: 'test',
      slice: async () => {
        most = Math.max(most, (running += 1));
        await slowly(5);
        running -= 1;
        return left-- > 0;
      },
    });
    const idle = async () => {
      for (;;) {
        if (left < 0) return;
        await slowly(5);
      }
    };
    work.begin();
    work.wake();
    await idle();
    left = 2;
    work.wake();
    work.wake();
    await idle();
    await work.end();
    expect(most).toBe(1);
  });

  it('ends with the slice that is being done', async () => {
    let done = false;
    const started = Promise.withResolvers<void>();
    const work = new SlicedWork({
      name: 'test',
      slice: async () => {
        started.resolve();
        await slowly(50);
        return (done = true);
      },
    });
    work.begin();
    await started.promise;
    await work.end();
    expect(done).toBe(true);
  });
});
