import { OPERATION_BOUNDS } from '../../config/bounds';
import { slicesOf } from './table-copy';

const { limit } = OPERATION_BOUNDS.movedBytes;

it.each([
  [[], []],
  [[1, 2, 3], [3]],
  [
    [limit / 2, limit / 2, 1],
    [2, 1],
  ],
  [
    [1, 10 * limit, 1],
    [1, 1, 1],
  ],
  [
    [10 * limit, 10 * limit],
    [1, 1],
  ],
])('rows of %j bytes come in slices of %j', (sizes, slices) => {
  expect([...slicesOf(sizes)]).toEqual(slices);
});
