import { REPLY_BOUNDS } from '../../../src/config/bounds';
import type { MessageHeader } from '../../../src/messages/messages.service';
import { ShownEnds } from '../../../src/replies/read/shown-ends';
import { InProcessSignals } from '../../../src/signals/in-process-signals';
import { Signals } from '../../../src/signals/signals';

const ended = (id: string, agoMs = 0, status: MessageHeader['status'] = 'completed') =>
  ({ id, status, updated_at: new Date(Date.now() - agoMs) }) as MessageHeader;

describe('replies that feeds have shown to their end', () => {
  it('are not due again, in no process that has heard of it', () => {
    const signals = new InProcessSignals();
    const [here, there] = [new ShownEnds(signals), new ShownEnds(signals)];
    expect([here.isDue(ended('m')), there.isDue(ended('m'))]).toEqual([true, true]);
    here.add('m');
    expect([here.isDue(ended('m')), there.isDue(ended('m')), there.isDue(ended('n'))]).toEqual([
      false,
      false,
      true,
    ]);
    [here, there].forEach((each) => each.onModuleDestroy());
    expect(signals.size).toBe(0);
  });

  it('are due once more where signals carry nothing', () => {
    class Mute extends Signals {
      publish(): void {}
      subscribe(_topic: string, on: (data?: Uint8Array) => void) {
        on();
        return () => undefined;
      }
    }
    const [here, there] = [new ShownEnds(new Mute()), new ShownEnds(new Mute())];
    here.add('m');
    expect([here.isDue(ended('m')), there.isDue(ended('m'))]).toEqual([false, true]);
  });

  it('are due only for a while, and only if they are over', () => {
    const ends = new ShownEnds(new InProcessSignals());
    const { limit } = REPLY_BOUNDS.recentEndMs;
    expect([ends.isDue(ended('m', limit - 500)), ends.isDue(ended('m', limit + 500))]).toEqual([true, false]);
    expect([ends.isDue(ended('m', 0, 'streaming')), ends.isDue(ended('m', 0, 'queued'))]).toEqual([
      false,
      false,
    ]);
  });

  it('are forgotten, the oldest first, beyond the bound', () => {
    const ends = new ShownEnds(new InProcessSignals());
    for (let n = 0; n <= REPLY_BOUNDS.shownEnds.limit; n++) ends.add(`m${n}`);
    expect([ends.isDue(ended('m0')), ends.isDue(ended('m1'))]).toEqual([true, false]);
  });
});
