import { TokenBucket } from './token-bucket';

describe('TokenBucket', () => {
  it('lets a burst through, then so many a second', () => {
    let now = 0;
    const bucket = new TokenBucket(3, 2, () => now);
    const allowed = () => Array.from({ length: 10 }, () => bucket.take()).filter(Boolean).length;
    expect(allowed()).toBe(3);
    now += 499;
    expect(allowed()).toBe(0);
    now += 1;
    expect(allowed()).toBe(1);
    now += 60_000;
    expect(allowed()).toBe(3);
  });
});
