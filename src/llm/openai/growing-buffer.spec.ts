import { GrowingBuffer } from './growing-buffer';

describe('GrowingBuffer', () => {
  it('is what was appended, and empty once it is taken', () => {
    const buffer = new GrowingBuffer();
    for (const piece of ['Hel', '', 'lo ', 'wörld']) buffer.append(Buffer.from(piece));
    expect(buffer.length).toBe(12);
    expect(buffer.take().toString()).toBe('Hello wörld');
    expect([buffer.length, buffer.capacity]).toEqual([0, 0]);
    buffer.append(Buffer.from('x'));
    buffer.append(Buffer.from('äyz'), 2, 3);
    expect(buffer.takeText()).toBe('xy');
    expect(buffer.capacity).toBe(0);
  });

  it('costs by the byte, not by the piece', () => {
    const buffer = new GrowingBuffer();
    const capacities = new Set<number>();
    for (let count = 0; count < 100_000; count++) {
      buffer.append(Buffer.of(count & 127));
      capacities.add(buffer.capacity);
    }
    expect(buffer.length).toBe(100_000);
    expect(buffer.capacity).toBeLessThanOrEqual(2 * 100_000);
    // What is there is copied each time that it grows: ten times, for each doubling one.
    expect(capacities.size).toBeLessThanOrEqual(10);
  });
});
