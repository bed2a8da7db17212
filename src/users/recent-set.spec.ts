import { RecentSet } from './recent-set';

describe('RecentSet', () => {
  it('forgets what was used longest ago', () => {
    const set = new RecentSet<string>(2);
    set.add('a');
    set.add('b');
    expect(set.has('a')).toBe(true);
    set.add('c');
    expect([set.has('a'), set.has('b'), set.has('c')]).toEqual([true, false, true]);
  });

  it('stays bounded', () => {
    const set = new RecentSet<number>(100);
    for (let i = 0; i < 10_000; i += 1) set.add(i);
    expect(Array.from({ length: 10_000 }, (_, i) => set.has(i)).filter(Boolean)).toHaveLength(100);
  });
});
