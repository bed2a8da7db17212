import { PROVIDER_BOUNDS } from '../../config/bounds';
import { HeldBytes } from './held-bytes';
import { StreamBudget, streamLimits } from './stream-budget';

const { idleLines, idleLinesPerMinute } = PROVIDER_BOUNDS;

function budget(): StreamBudget {
  return new StreamBudget(streamLimits(500_000), new HeldBytes());
}

/** Seconds for which a provider may send so many lines in each. */
function lasts(linesPerSecond: number, seconds: number): number {
  const now = vi.spyOn(performance, 'now').mockReturnValue(0);
  const stream = budget();
  try {
    for (let second = 1; second <= seconds; second++) {
      now.mockReturnValue(second * 1000);
      for (let line = 0; line < linesPerSecond; line++) stream.skip(1);
    }
    return seconds;
  } catch {
    return performance.now() / 1000;
  } finally {
    now.mockRestore();
  }
}

describe('StreamBudget', () => {
  it('lets a provider that lets wait keep the connection alive for as long as it likes', () => {
    // A comment and a blank line each second, ten times a second, and an empty chunk for each of many hidden tokens.
    for (const lines of [2, 20, idleLinesPerMinute.limit / 60]) expect(lasts(lines, 3_600)).toBe(3_600);
  });

  it('ends a stream that brings nothing faster than that', () => {
    const more = idleLinesPerMinute.limit / 60 + 100;
    const seconds = lasts(more, 3_600);
    expect(seconds).toBeGreaterThan(60);
    expect(seconds).toBeLessThan(600);
  });

  it('does not save up what was not used', () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    const stream = budget();
    now.mockReturnValue(3_600_000);
    expect(() => stream.skip(idleLines.limit)).not.toThrow();
    expect(() => stream.skip(idleLines.limit)).not.toThrow();
    expect(() => stream.skip(1)).toThrow();
    now.mockRestore();
  });
});
