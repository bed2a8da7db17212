import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';

/** What a function of the benchmark's modules, which are no CommonJS, returns. */
function call(module: string, name: string, ...values: unknown[]): unknown {
  const url = pathToFileURL(resolve('bench', module)).href;
  const script = `import(${JSON.stringify(url)}).then((m) => console.log(JSON.stringify(m.${name}(...${JSON.stringify(values)}))))`;
  return JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
}

const judge = (a: number[], fresh: number[], b: number[], more = false) =>
  call('support/beside.mjs', 'judge', { 'old A': a, new: fresh, 'old B': b }, { more, tolerance: 0.03 });

const STEADY = [100, 101, 99, 100, 100, 101, 99];
const NOISY = [100, 130, 80, 100, 120, 90, 105];
const scaled = (values: number[], by: number) => values.map((value) => value * by);

it.each([
  [[], null],
  [[3], 3],
  [[4, 2], 3],
  [[9, 1, 2], 2],
  [[1, 2, 4, 9], 3],
])('the median of %j is %j', (values, expected) => {
  expect(call('support/statistics.mjs', 'median', values)).toBe(expected);
});

it('the same is not worse', () => {
  expect(judge(STEADY, STEADY, STEADY)).toEqual({ old: 100, new: 100, change: 0, spread: 0, worse: false });
  expect(judge([1, 1, 1], [1, 1, 1], [1, 1, 1])).toMatchObject({ worse: false });
  expect(judge([0, 0, 0], [0, 0, 0], [0, 0, 0])).toMatchObject({ worse: false });
});

it.each([
  ['within the tolerance', STEADY, 1.02, STEADY, false],
  ['beyond the tolerance', STEADY, 1.05, STEADY, true],
  ['better', STEADY, 0.5, STEADY, false],
  ['beyond the tolerance, but not beyond the spread', NOISY, 1.1, NOISY.toReversed(), false],
  ['beyond both', NOISY, 2, NOISY.toReversed(), true],
  ['beyond both, with one round that went wrong', STEADY, 1.05, [...STEADY.slice(1), 500], true],
  ['no more than two processes of one build always differ', STEADY, 1.05, scaled(STEADY, 1.2), false],
])('%s', (_what, a, factor, b, worse) => {
  expect(judge(a, scaled(a, factor), b)).toMatchObject({ worse });
  // The same where more is better.
  expect(judge(a, scaled(a, 1 / factor), b, true)).toMatchObject({ worse });
});

it('one statement where there was none is worse', () => {
  expect(judge([0, 0, 0], [1, 1, 1], [0, 0, 0])).toMatchObject({ worse: true });
});
