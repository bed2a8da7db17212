import { setTimeout as sleep } from 'node:timers/promises';
import { Poller } from './poller';

/** A poller that looks once an hour, and only as long as it is wanted. */
function hourly(poll: () => Promise<void>) {
  const wanted = { now: true };
  const poller = new Poller({
    name: 'nothing',
    everyMs: () => 3_600_000,
    isNeeded: () => wanted.now,
    poll,
  });
  return { poller, wanted };
}

it('looks at once when there is news, and then waits as before', async () => {
  let looks = 0;
  const { poller, wanted } = hourly(() => Promise.resolve(void (looks += 1)));
  const ended = poller.start();
  await vi.waitFor(() => expect(looks).toBe(1));
  poller.now();
  await vi.waitFor(() => expect(looks).toBe(2));
  wanted.now = false;
  poller.now();
  await ended;
  expect(looks).toBe(2);
});

it('looks once more when there is news while it looks', async () => {
  const answers: PromiseWithResolvers<void>[] = [];
  const { poller, wanted } = hourly(() => {
    answers.push(Promise.withResolvers<void>());
    return answers[answers.length - 1].promise;
  });
  const ended = poller.start();
  poller.now();
  poller.now();
  answers[0].resolve();
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  wanted.now = false;
  poller.now();
  answers[1].resolve();
  await ended;
  expect(answers).toHaveLength(2);
});

it('does nothing at news that nobody wants', async () => {
  let looks = 0;
  const { poller, wanted } = hourly(() => Promise.resolve(void (looks += 1)));
  wanted.now = false;
  poller.now();
  await poller.start();
  expect(looks).toBe(0);
});

it('pauses for many times as long as its last look took', async () => {
  const looks: number[] = [];
  const poller = new Poller({
    name: 'nothing',
    everyMs: () => 0,
    minPauseFactor: 10,
    isNeeded: () => looks.length < 3,
    poll: async () => {
      looks.push(performance.now());
      await sleep(20);
    },
  });
  await poller.start();
  // Timers may be early by a millisecond.
  expect(looks[1] - looks[0]).toBeGreaterThan(200);
  expect(looks[2] - looks[1]).toBeGreaterThan(200);
});
