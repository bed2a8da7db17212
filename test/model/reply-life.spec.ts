import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import { clock } from './clock';
import { knownStories } from './known-stories';
import { stories, tell } from './moves';
import { World } from './world';

vi.mock('node:timers/promises', async (importOriginal) => ({
  ...(await importOriginal<object>()),
  setTimeout: (...args: Parameters<typeof clock.sleep>) => clock.sleep(...args),
}));

/** Here the context tells whose a timer is, and loops of one simulated process must not run on for another. */
vi.mock('../../src/common/detached', () => ({ detached: <T>(work: () => T): T => work() }));

const { FC_SEED, FC_PATH, FC_RUNS = '1500' } = process.env;

describe('The life of a reply', () => {
  beforeAll(() => {
    Logger.overrideLogger(false);
    clock.install();
  });
  afterAll(() => clock.uninstall());

  it('keeps its promises in whatever order things happen', async () => {
    const property = fc.asyncProperty(fc.noBias(stories), fc.boolean(), async (story, crash) => {
      const world = new World();
      await tell(world, story);
      if (!crash) await world.comeToRest();
      await world.startAfresh();
      world.atTheEnd();
    });
    await fc.assert(property, {
      numRuns: Number(FC_RUNS) + knownStories.length,
      examples: knownStories,

      ...(FC_SEED && { seed: Number(FC_SEED), path: FC_PATH }),
    });
  }, 300_000);
});
