import type { Signals } from '../../src/signals/signals';

/** The signals of two processes; the same object where there is only one. */
export interface SignalsPair {
  here: Signals;
  there: Signals;
}

const FENCE = 'fence';

/** What every implementation of `Signals` keeps to. A signal may be doubled, so that the tests count topics and not calls. */
export function signalsContract(create: () => SignalsPair | Promise<SignalsPair>): void {
  let here: Signals;
  let there: Signals;
  let heard: string[];

  beforeEach(async () => {
    ({ here, there } = await create());
    heard = [];
  });

  const hear = (name: string) => () => void heard.push(name);

  /** Waits for a signal that was published after all others. */
  async function delivered(): Promise<void> {
    const fence = Promise.withResolvers<void>();
    const end = there.subscribe(FENCE, () => fence.resolve());
    here.publish(FENCE);
    await fence.promise;
    end();
  }

  it('wakes all who wait for the topic, here and there, and nobody else', async () => {
    here.subscribe('reply.1', hear('here'));
    there.subscribe('reply.1', hear('there'));
    there.subscribe('reply.1', hear('there as well'));
    there.subscribe('reply.2', hear('another topic'));
    here.publish('reply.1');
    await delivered();
    expect([...new Set(heard)].sort()).toEqual(['here', 'there', 'there as well']);
  });

  it('wakes nobody whose subscription has ended, also one that others end in the same moment', async () => {
    const end = there.subscribe('reply.1', hear('ended'));
    const ends: (() => void)[] = [];
    there.subscribe('reply.1', () => {
      heard.push('first');
      ends.forEach((each) => each());
    });
    ends.push(there.subscribe('reply.1', hear('ended by the first')));
    end();
    end();
    here.publish('reply.1');
    await delivered();
    expect([...new Set(heard)]).toEqual(['first']);
  });

  it('keeps two subscriptions of one listener apart', async () => {
    const listener = hear('still there');
    const end = there.subscribe('reply.1', listener);
    there.subscribe('reply.1', listener);
    end();
    here.publish('reply.1');
    await delivered();
    expect(heard).toContain('still there');
  });

  it('does not call a listener that subscribes to the topic while it is delivered for ever', async () => {
    there.subscribe('reply.1', () => {
      heard.push('first');
      if (heard.length < 1_000) there.subscribe('reply.1', hear('later'));
    });
    here.publish('reply.1');
    await delivered();
    expect(heard.length).toBeLessThan(1_000);
  });

  it('throws nothing at who publishes, and wakes the others, where a listener throws', async () => {
    there.subscribe('reply.1', () => {
      throw new Error('no');
    });
    there.subscribe('reply.1', hear('second'));
    expect(here.publish('reply.1')).toBeUndefined();
    expect(here.publish('nobody waits for this')).toBeUndefined();
    await delivered();
    expect(heard).toContain('second');
  });

  it('carries bytes, or nothing in their place', async () => {
    const data = new Uint8Array([0, 255, 10]);
    const carried: (Uint8Array | undefined)[] = [];
    there.subscribe('reply.1', (bytes) => carried.push(bytes));
    here.publish('reply.1', data);
    here.publish('reply.1');
    await delivered();
    for (const bytes of carried) expect(bytes ?? data).toEqual(data);
    expect(carried.length).toBeGreaterThan(0);
  });
}
