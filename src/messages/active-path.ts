/*
 * `active_child_id` of a message with several children is the child that the active path went through when the path was last left; null
 * stands for the first child, which continues the message's branch. The column is written when a path is left, so that a turn at the end of
 * the active path does not write it; while a path is active, its leaf determines the way.
 */

/**
 * A recursive query `segments (user_id, branch_id, up_to, fork_id)`: the ranges of depth, one per branch, that make up the path from the first
 * message to a leaf, each of the user's. All three are parameters; a leaf of another conversation or user has no path.
 */
export function segmentsOf(leaf: string, conversation: string, user: string): string {
  return `segments (user_id, branch_id, up_to, fork_id) AS (
    SELECT leaf.user_id, leaf.branch_id, leaf.depth, head.parent_id
    FROM messages leaf JOIN messages head ON head.id = leaf.branch_id AND head.user_id = leaf.user_id
    WHERE leaf.id = ${leaf} AND leaf.conversation_id = ${conversation} AND leaf.user_id = ${user}
  UNION ALL
    SELECT s.user_id, fork.branch_id, fork.depth, head.parent_id
    FROM segments s JOIN messages fork ON fork.id = s.fork_id AND fork.user_id = s.user_id
    JOIN messages head ON head.id = fork.branch_id AND head.user_id = s.user_id
  )`;
}

/** A statement that stores which way the path of `segments` goes, for when the path is left. A branch has the id of its first message. */
export const NOTE_WAY = `UPDATE messages m SET active_child_id = way.child_id
  FROM (
    SELECT s.user_id, s.fork_id AS id, s.branch_id AS child_id FROM segments s WHERE s.fork_id IS NOT NULL
  UNION ALL
    SELECT s.user_id, o.id, NULL FROM segments s JOIN messages o
      ON o.branch_id = s.branch_id AND o.user_id = s.user_id AND o.depth < s.up_to AND o.active_child_id IS NOT NULL
  ) way
  WHERE m.id = way.id AND m.user_id = way.user_id AND m.active_child_id IS DISTINCT FROM way.child_id`;

/**
 * A recursive query `descent (origin, user_id, branch_id, depth, step)`: where the ways from messages down to their leaves enter each branch.
 * @param starts SQL for the messages, as rows of `(origin, user_id, branch_id, depth)`
 */
export function descentFrom(starts: string): string {
  return `descent (origin, user_id, branch_id, depth, step) AS (
    SELECT s.origin, s.user_id, s.branch_id, s.depth, 1 FROM (${starts}) AS s
  UNION ALL
    SELECT d.origin, d.user_id, next.branch_id, next.depth, d.step + 1
    FROM descent d CROSS JOIN LATERAL (
      SELECT o.active_child_id FROM messages o
      WHERE o.branch_id = d.branch_id AND o.user_id = d.user_id AND o.depth >= d.depth AND o.active_child_id IS NOT NULL
      ORDER BY o.depth LIMIT 1
    ) fork JOIN messages next ON next.id = fork.active_child_id AND next.user_id = d.user_id
  )`;
}
