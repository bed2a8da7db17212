import { AsyncLocalStorage } from 'node:async_hooks';
import { RetryingChecks } from './retrying-checks';

const request = new AsyncLocalStorage<string>();

function checks(check: (user: string) => Promise<void>, wanted = () => true): RetryingChecks<string> {
  return new RetryingChecks({ failure: 'failed', atOnce: 2, check, isWanted: wanted });
}

it('checks a few at a time, each once, and in no request', async () => {
  const asked: string[] = [];
  let running = 0;
  let most = 0;
  const looks = checks(async (user) => {
    asked.push(`${user} ${request.getStore() ?? 'of nobody'}`);
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running -= 1;
  });
  request.run('of a request', () => {
    for (const user of ['a', 'b', 'c', 'd', 'c', 'd']) looks.enqueue(user);
  });
  await vi.waitFor(
    () => expect(asked.toSorted()).toEqual(['a', 'b', 'c', 'd'].map((user) => `${user} of nobody`)),
    20_000,
  );
  expect(most).toBe(2);
});

it('checks again where a check fails, as long as that is wanted', async () => {
  let failures = 2;
  const asked: string[] = [];
  const looks = checks(
    async (user) => {
      asked.push(user);
      if (user === 'gone' || failures-- > 0) throw new Error('The database is away');
    },
    () => asked.at(-1) !== 'gone',
  );
  looks.enqueue('alice');
  await vi.waitFor(() => expect(asked).toEqual(['alice', 'alice', 'alice']), 20_000);
  looks.enqueue('gone');
  await vi.waitFor(() => expect(asked).toHaveLength(4), 20_000);
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(asked).toHaveLength(4);
});
