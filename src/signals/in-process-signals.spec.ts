import { Logger } from '@nestjs/common';
import type { MockInstance } from 'vitest';
import { signalsContract } from '../../test/support/signals-contract';
import { InProcessSignals } from './in-process-signals';

describe('InProcessSignals', () => {
  let logged: MockInstance;
  beforeEach(() => (logged = vi.spyOn(Logger.prototype, 'error').mockReturnValue(undefined)));
  afterEach(() => vi.restoreAllMocks());

  signalsContract(() => {
    const signals = new InProcessSignals();
    return { here: signals, there: signals };
  });

  it('says in the log which topic a subscriber failed at', () => {
    const signals = new InProcessSignals();
    signals.subscribe('topic', () => {
      throw new Error('no');
    });
    signals.publish('topic');
    expect(logged).toHaveBeenCalledWith(expect.objectContaining({ topic: 'topic' }), expect.any(String));
  });

  it('keeps nothing of a topic without subscribers', () => {
    const signals = new InProcessSignals();
    const ends = Array.from({ length: 100 }, (_, n) => signals.subscribe(`topic ${n % 10}`, () => undefined));
    expect(signals.size).toBe(100);
    for (const end of [...ends, ...ends]) end();
    expect(signals.size).toBe(0);
  });
});
