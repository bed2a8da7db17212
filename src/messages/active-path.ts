/*
 * Which way the active path went: `active_child_id` of a message with several children is the one that the path went through when it
 * was last left; null stands for the first child, which continues the message's branch. It is written when a path is left, so that a
 * turn at the end of the active path writes nothing of the kind; while a path is active, its leaf says where it goes.
 */

/**
 * A recursive query `segments (branch_id, up_to, fork_id)`: the ranges of depth, one per branch, that make up the path from the first
 * message to a leaf. Both are parameters; a leaf of another conversation has no path.
 */
export function segmentsOf(leaf: string, conversation: string): string {
  return `segments (branch_id, up_to, fork_id) AS (
    SELECT leaf.branch_id, leaf.depth, head.parent_id
    FROM messages leaf JOIN messages head ON head.id = leaf.branch_id
    WHERE leaf.id = ${leaf} AND leaf.conversation_id = ${conversation}
  UNION ALL
    SELECT fork.branch_id, fork.depth, head.parent_id
    FROM segments s JOIN messages fork ON fork.id = s.fork_id JOIN messages head ON head.id = fork.branch_id
  )`;
}

/** A statement that notes which way the path of `segments` goes, as it is left. A branch has the id of its first message. */
export const NOTE_WAY = `UPDATE messages m SET active_child_id = way.child_id
  FROM (
    SELECT s.fork_id AS id, s.branch_id AS child_id FROM segments s WHERE s.fork_id IS NOT NULL
  UNION ALL
    SELECT o.id, NULL FROM segments s
    JOIN messages o ON o.branch_id = s.branch_id AND o.depth < s.up_to AND o.active_child_id IS NOT NULL
  ) way
  WHERE m.id = way.id AND m.active_child_id IS DISTINCT FROM way.child_id`;

/** A recursive query `descent (branch_id, depth, step)`: where the way from a message down to its leaf enters each branch. */
export function descentFrom(message: string, conversation: string): string {
  return `descent (branch_id, depth, step) AS (
    SELECT m.branch_id, m.depth, 1 FROM messages m WHERE m.id = ${message} AND m.conversation_id = ${conversation}
  UNION ALL
    SELECT next.branch_id, next.depth, d.step + 1
    FROM descent d CROSS JOIN LATERAL (
      SELECT o.active_child_id FROM messages o
      WHERE o.branch_id = d.branch_id AND o.depth >= d.depth AND o.active_child_id IS NOT NULL
      ORDER BY o.depth LIMIT 1
    ) fork JOIN messages next ON next.id = fork.active_child_id
  )`;
}
