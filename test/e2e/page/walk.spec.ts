import { Random } from '../../faults/support/random';
import { reply } from '../../support/model-server/behaviours';
import { describePage } from '../../support/page';
import { PageWalk } from '../../support/page-walk';

const SEED = Number(process.env.FAULTS_SEED ?? Date.now() % 1_000_000);
const RUNS = Number(process.env.WALK_RUNS ?? 1);
const ACTIONS = Number(process.env.WALK_ACTIONS ?? 60);
/** What browsers say of connections that break, and of answers that the page shows in its own words. */
const SEEN = /ERR_|Failed to load resource: the server responded with a status of (404|409|410|503)/;

describePage('somebody who does anything, in two tabs', {}, (t) => {
  for (let run = 0; run < RUNS; run++)
    it(
      `is shown what is stored in the end (seed ${SEED + run})`,
      async () => {
        t.faults.expected.push(SEEN);
        const random = new Random(SEED + run);
        t.model.otherwise((exchange) =>
          reply(`Reply to ${random.int(1, 1_000)}: ${'and on '.repeat(random.int(1, 30))}end.`, {
            delayMs: random.int(0, 25),
          })(exchange),
        );
        await new PageWalk(t, random, run % 4 === 3).run(ACTIONS);
      },
      60_000 + ACTIONS * 3_000,
    );
});
