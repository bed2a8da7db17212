/** Bytes of `[]`, the parts of an open reply until it ends. */
const EMPTY = 2;

/**
 * SQL for the bytes of a message in `stored_bytes` of its conversation: its parts as PostgreSQL writes them, and the lengths of its
 * events. A reply counts once it has ended: 0 bytes before. `row` is the name of the message in the statement.
 */
export function messageBytes(row: string): string {
  return `CASE WHEN ${row}.status IN ('queued', 'streaming') THEN 0
    ELSE octet_length(${row}.parts::text) - ${EMPTY} + COALESCE(octet_length(${row}.event_lengths), 0) END`;
}

/** SQL for the bytes of all messages of a turn, which a parameter holds as JSON. */
export function turnBytes(json: string): string {
  return `(SELECT sum(octet_length(said.parts::text) - ${EMPTY}) FROM json_to_recordset(${json}) AS said (parts jsonb))`;
}
