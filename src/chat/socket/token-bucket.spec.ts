import { TokenBucket } from './token-bucket';

describe('TokenBucket', () => {
  it('lets a burst through, then so many a second', () => {
    let now = 0;
    const bucket = new TokenBucket(3, 2, () => now);
    const taken = () => Array.from({ length: 10 }, () => bucket.take()).filter(Boolean).length;
    expect(taken()).toBe(3);
    now += 499;
    expect(taken()).toBe(0);
    now += 1;
    expect(taken()).toBe(1);
    now += 60_000;
    expect(taken()).toBe(3);
  });
});
