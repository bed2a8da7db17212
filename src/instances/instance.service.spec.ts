import type { DatabaseState } from '../database/database-state';
import { NoopObserver } from '../observability/observer';
import { InstanceService } from './instance.service';
import type { InstancesRepository } from './instances.repository';

const READY = {
  ready: true,
  exclusive: false,
  whenReady: () => Promise.resolve(),
} as unknown as DatabaseState;

/** A database whose statements take so long, and that has forgotten this process. */
class SlowInstances {
  statements = 0;
  most = 0;
  registered: string[] = [];
  constructor(private readonly ms: number) {}

  register = (id: string) => this.statement(() => void this.registered.push(id));
  renew = () => this.statement(() => false);
  isAlone = () => this.statement(() => true);

  private async statement<T>(result: () => T): Promise<T> {
    this.most = Math.max(this.most, ++this.statements);
    await new Promise((resolve) => setTimeout(resolve, this.ms));
    this.statements--;
    return result();
  }
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('never registers twice at once, and says of each registration that it was lost', async () => {
  const slow = new SlowInstances(3_500);
  const observer = new NoopObserver();
  const told = vi.spyOn(observer, 'leaseLost');
  const instance = new InstanceService(slow as unknown as InstancesRepository, READY, observer);
  const known: string[] = [];
  let lost = 0;
  instance.lost.subscribe(() => lost++);
  void instance.onApplicationBootstrap();
  for (let s = 0; s < 120; s++) {
    await vi.advanceTimersByTimeAsync(1_000);
    const id = current(instance);
    if (id && known.at(-1) !== id) known.push(id);
  }
  expect(slow.most).toBe(1);
  expect(slow.registered.length).toBeGreaterThan(3);
  expect(known).toEqual(slow.registered.slice(0, known.length));
  expect(lost).toBeGreaterThanOrEqual(known.length - 1);
  expect(told).toHaveBeenCalledTimes(lost);
});

function current(instance: InstanceService): string | undefined {
  try {
    return instance.id;
  } catch {
    return undefined;
  }
}
