import { MESSAGE_OVERHEAD_TOKENS } from '../llm/run/context-fit';

/** SQL for the parts of a message that a model sees: its text. Reasoning, which can be much longer, stays in the database. */
const TEXT_PARTS = `jsonb_path_query_array(m.parts, '$[*] ? (@.type == "text")')`;

/** SQL for whether the provider's filter refused the message that a reply answers: it would refuse it again, with all later messages. */
const REFUSED = `COALESCE(m.error->>'code' = 'content_filter', false)`;

/** SQL for whether a reply ended by an error or with its process. */
const FAILED = `m.status IN ('failed', 'interrupted')`;

/** Parameters of a statement, such as `$1`. */
export interface ContextParameters {
  user: string;
  /** The message at which the path ends. */
  leaf: string;
  /** Token budget of the messages. */
  contextTokens: string;
  /** Sequence number: messages up to and including it are left out. */
  contextFrom: string;
  /** Whether the leaf is included whatever its tokens and sequence number are. */
  always: string;
}

/**
 * A recursive query `path (user_id, parent_id, role, parts, refused, failed, tokens, depth, cost, total)`: the user's newest messages of a path
 * that together stay within a number of tokens. Whole messages only.
 */
export function contextBelow({ user, leaf, contextTokens, contextFrom, always }: ContextParameters): string {
  const cost = `m.tokens + ${MESSAGE_OVERHEAD_TOKENS}`;
  return `path AS (
    SELECT m.user_id, m.parent_id, m.role, ${TEXT_PARTS} AS parts, ${REFUSED} AS refused, ${FAILED} AS failed, m.tokens, m.depth, ${cost} AS cost, ${cost} AS total
    FROM messages m WHERE m.id = ${leaf} AND m.user_id = ${user} AND (${always} OR m.sequence > ${contextFrom} AND ${cost} <= ${contextTokens})
  UNION ALL
    SELECT m.user_id, m.parent_id, m.role, ${TEXT_PARTS}, ${REFUSED}, ${FAILED}, m.tokens, m.depth, ${cost}, path.total + ${cost}
    FROM path JOIN messages m ON m.id = path.parent_id AND m.user_id = path.user_id
    WHERE m.sequence > ${contextFrom} AND path.total + ${cost} <= ${contextTokens}
  )`;
}
