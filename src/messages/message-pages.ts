import { REPLY_BOUNDS } from '../config/bounds';

/** Bytes of parts as they are stored; a message with fewer does not count towards the bytes of a page. */
const SHORT = 512;

/**
 * A recursive query that walks through the long messages of `found`, which has their `parts` and `position` (from 1), until they fill a
 * page. A message is unpacked to know its length, which may be a hundred times its stored size, so messages behind the page are not.
 * @param bytes SQL for how many bytes a row of `f` has in the answer
 */
export function longMessages(bytes: string): string {
  return `long_ones (position, bytes) AS (
    SELECT 0::bigint, 0::bigint
  UNION ALL
    SELECT next.position, long_ones.bytes + next.bytes FROM long_ones CROSS JOIN LATERAL (
      SELECT f.position, ${bytes} AS bytes FROM found f
      WHERE f.position > long_ones.position AND pg_column_size(f.parts) >= ${SHORT} ORDER BY f.position LIMIT 1
    ) AS next WHERE long_ones.bytes < ${REPLY_BOUNDS.pageBytes.limit}
  )`;
}

/** SQL for the position of the message that ends a page; 2^31 if the page is not full by its bytes. */
export const LAST_OF_PAGE = `(SELECT CASE WHEN max(bytes) < ${REPLY_BOUNDS.pageBytes.limit} THEN ${2 ** 31} ELSE max(position) END FROM long_ones)`;
