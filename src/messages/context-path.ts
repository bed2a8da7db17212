/** What the wire format of models adds to each message, in tokens. */
export const MESSAGE_OVERHEAD_TOKENS = 4;

/**
 * A recursive query `path (id, parent_id, role, parts, depth, cost, total)`: the newest messages of the path that ends at `leaf` that
 * together stay within `budget` tokens. Whole messages only, none of a sequence up to `contextFrom`, and the leaf itself in any case
 * where `always` says so. All four are parameters.
 */
export function contextBelow(leaf: string, budget: string, contextFrom: string, always: string): string {
  const cost = `m.tokens + ${MESSAGE_OVERHEAD_TOKENS}`;
  return `path AS (
    SELECT m.id, m.parent_id, m.role, m.parts, m.depth, ${cost} AS cost, ${cost} AS total
    FROM messages m WHERE m.id = ${leaf} AND (${always} OR m.sequence > ${contextFrom} AND ${cost} <= ${budget})
  UNION ALL
    SELECT m.id, m.parent_id, m.role, m.parts, m.depth, ${cost}, path.total + ${cost}
    FROM path JOIN messages m ON m.id = path.parent_id
    WHERE m.sequence > ${contextFrom} AND path.total + ${cost} <= ${budget}
  )`;
}
