/**
 * Fields of a conversation that count in its `stored_bytes`: the UTF-8 bytes of texts, with JSON as PostgreSQL writes it. Lengths of texts
 * count, not the size of a row on disk, which is known only after it is written and depends on compression.
 */
const TEXTS = ['key', 'title', 'system_prompt'] as const;
const JSONS = ['settings', 'metadata'] as const;

type Field = (typeof TEXTS)[number] | (typeof JSONS)[number];

/** SQL for the bytes of a conversation's own fields; `row` is its name in the statement. */
export function ownBytes(row: string): string {
  return `(${[...TEXTS, ...JSONS].map((field) => bytesOf(field, `${row}.${field}`)).join(' + ')})`;
}

/** SQL for the growth of these bytes once the fields have the values of the parameters with their names. */
export function growth(fields: object): string {
  return [...TEXTS, ...JSONS]
    .filter((field) => field in fields)
    .map((field) => ` + ${bytesOf(field, parameterOf(field))} - ${bytesOf(field, field)}`)
    .join('');
}

/** Parameters of `growth`, with JSON as text. */
export function asParameters(fields: object): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'object' && value !== null ? JSON.stringify(value) : value,
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/**
 * SQL for the row of a conversation that a parameter describes as JSON, with its counters: for `INSERT … SELECT c.* FROM`.
 * `bytes` and `messages` are SQL for the bytes and the number of the messages that the same statement stores in it.
 */
export function countedRow(json: string, bytes = '0', messages = '0'): string {
  return `json_populate_record(NULL::conversations, ${json}) AS given, LATERAL json_populate_record(given,
    json_build_object('stored_bytes', ${ownBytes('given')} + ${bytes}, 'message_count', ${messages})) AS c`;
}

/** Clause by which an INSERT of a conversation does nothing if the user has one with its key. */
export const UNLESS_KEY_TAKEN = 'ON CONFLICT (user_id, key) WHERE key IS NOT NULL DO NOTHING';

function bytesOf(field: Field, value: string): string {
  return isJson(field) ? `octet_length(${value}::text)` : `COALESCE(octet_length(${value}), 0)`;
}

function parameterOf(field: Field): string {
  return isJson(field) ? `CAST(:${field} AS jsonb)` : `CAST(:${field} AS text)`;
}

function isJson(field: Field): boolean {
  return (JSONS as readonly string[]).includes(field);
}
