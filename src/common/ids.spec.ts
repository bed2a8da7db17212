import { newId, randomHex } from './ids';

const msOf = (id: string) => parseInt(id.replace('-', '').slice(0, 12), 16);

describe('newId', () => {
  it('is a UUID of version 7 of this moment, and greater than the one before', () => {
    // Another test of this process may have set its clock forward, behind which no id falls.
    const known = msOf(newId());
    const before = Date.now();
    const ids = Array.from({ length: 10_000 }, newId);
    const after = Date.now();
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(msOf(ids[0])).toBeGreaterThanOrEqual(before);
    expect(msOf(ids[ids.length - 1])).toBeLessThanOrEqual(Math.max(known + 1, after));
  });

  it('goes on from the last one where the clock is set back', () => {
    const last = newId();
    vi.useFakeTimers({ now: Date.now() - 60_000 });
    expect(newId() > last).toBe(true);
    vi.useRealTimers();
  });
});

describe('randomHex', () => {
  it('is different each time', () => {
    const values = Array.from({ length: 2_000 }, () => randomHex(8));
    expect(new Set(values).size).toBe(values.length);
    for (const value of values) expect(value).toMatch(/^[0-9a-f]{16}$/);
  });
});
