import { PROVIDER_BOUNDS } from '../../config/bounds';
import { HeldBytes } from './held-bytes';

const small = PROVIDER_BOUNDS.heldUnasked.limit;

describe('HeldBytes', () => {
  it('refuses who wants more when all together have too much, and nobody else', () => {
    const all = new HeldBytes(10 * small);
    const [first, second] = [all.share(), all.share()];
    expect(first.hold(6 * small)).toBe(true);
    expect(second.hold(5 * small)).toBe(false);
    expect(first.hold(6 * small)).toBe(true);
    expect(first.hold(5.5 * small)).toBe(true);
    second.release();
    expect(first.hold(9 * small)).toBe(true);
    expect(all.total).toBe(9 * small);
  });

  it('always grants a little', () => {
    const all = new HeldBytes(small);
    expect(all.share().hold(small)).toBe(true);
    const late = all.share();
    expect(late.hold(small)).toBe(true);
    expect(late.hold(small + 1)).toBe(false);
  });

  it('has nothing left of who was released, however often', () => {
    const all = new HeldBytes();
    const shares = Array.from({ length: 10 }, () => all.share());
    shares.forEach((share, index) => share.hold(1000 * index));
    for (const share of [...shares, ...shares]) share.release();
    expect(all.total).toBe(0);
  });
});
