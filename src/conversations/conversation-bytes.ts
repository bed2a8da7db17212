/**
 * What counts as stored in a conversation (`stored_bytes`): the UTF-8 bytes of its texts, with JSON as PostgreSQL writes it. Lengths of
 * texts, and not what a row takes on disk: that is known only after it is written, and changes with compression.
 */
const TEXTS = ['key', 'title', 'system_prompt'] as const;
const JSONS = ['settings', 'metadata'] as const;

type Field = (typeof TEXTS)[number] | (typeof JSONS)[number];

/** SQL for the bytes of a conversation's own fields; `row` is its name in the statement. */
export function ownBytes(row: string): string {
  return `(${[...TEXTS, ...JSONS].map((field) => bytesOf(field, `${row}.${field}`)).join(' + ')})`;
}

/** SQL for how much more they are once these fields have the values of the parameters of the same name. */
export function growth(fields: object): string {
  return [...TEXTS, ...JSONS]
    .filter((field) => field in fields)
    .map((field) => ` + ${bytesOf(field, parameterOf(field))} - ${bytesOf(field, field)}`)
    .join('');
}

/** For `growth`; JSON as text. */
export function asParameters(fields: object): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'object' && value !== null ? JSON.stringify(value) : value,
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/**
 * SQL for the row of a conversation that a parameter describes as JSON, with its counters: for `INSERT … SELECT c.* FROM`.
 * `bytes` and `messages` are of what is stored in it by the same statement.
 */
export function countedRow(json: string, bytes = '0', messages = '0'): string {
  return `json_populate_record(NULL::conversations, ${json}) AS given, LATERAL json_populate_record(given,
    json_build_object('stored_bytes', ${ownBytes('given')} + ${bytes}, 'message_count', ${messages})) AS c`;
}

/** What an INSERT of a conversation does where the user has one with its key: nothing. */
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
