import type { MessageEntity } from './message.entity';

type Column = Exclude<keyof MessageEntity, 'conversation'>;

/** Statements that write or read a column; statements that are not listed here read whole rows (`m.*`). */
type Use =
  /** Stored with a turn; columns without this use have their defaults then. */
  | 'turn'
  /** Written when a reply ends. */
  | 'end'
  /** Read where the content of the message, which may be long, is not needed. */
  | 'header'
  /** Read for a page of a path. */
  | 'page'
  /** Part of the user's export. */
  | 'export';

interface ColumnRules {
  /** Type of the column in SQL. */
  sql: 'uuid' | 'text' | 'int' | 'int[]' | 'jsonb' | 'bytea' | 'timestamptz';
  in: readonly Use[];
  /** Value in a copy of the message (fork): one of its own, the same, or the default. */
  copy: 'own' | 'same' | 'none';
  /** Responses that have the column: of every message, of a single one only, or none. */
  response: 'all' | 'single' | 'never';
}

/**
 * All columns of messages, and where each is used: the statements, the export and the types of responses are made from this list. A
 * column of the entity that is not in it is an error of the compiler.
 */
export const MESSAGE_COLUMNS = {
  id: { sql: 'uuid', in: ['turn', 'header', 'page', 'export'], copy: 'own', response: 'all' },
  conversation_id: { sql: 'uuid', in: ['turn', 'header', 'page', 'export'], copy: 'own', response: 'all' },
  user_id: { sql: 'text', in: ['turn', 'header', 'page'], copy: 'same', response: 'never' },
  parent_id: { sql: 'uuid', in: ['turn', 'header', 'page', 'export'], copy: 'own', response: 'all' },
  branch_id: { sql: 'uuid', in: ['turn', 'page'], copy: 'own', response: 'never' },
  depth: { sql: 'int', in: ['turn', 'page', 'export'], copy: 'own', response: 'never' },
  active_child_id: { sql: 'uuid', in: [], copy: 'none', response: 'never' },
  sequence: { sql: 'int', in: ['turn', 'header', 'page', 'export'], copy: 'own', response: 'never' },
  role: { sql: 'text', in: ['turn', 'header', 'page', 'export'], copy: 'same', response: 'all' },
  status: { sql: 'text', in: ['turn', 'end', 'header', 'page', 'export'], copy: 'same', response: 'all' },
  parts: { sql: 'jsonb', in: ['turn', 'end', 'page', 'export'], copy: 'same', response: 'all' },
  event_lengths: { sql: 'bytea', in: ['end'], copy: 'same', response: 'never' },
  tokens: { sql: 'int', in: ['turn', 'end', 'page', 'export'], copy: 'same', response: 'never' },
  model: { sql: 'text', in: ['turn', 'end', 'header', 'page', 'export'], copy: 'same', response: 'all' },
  provider: { sql: 'text', in: ['turn', 'end', 'page', 'export'], copy: 'same', response: 'all' },
  // A copy has used no tokens.
  usage: { sql: 'jsonb', in: ['end', 'page', 'export'], copy: 'none', response: 'all' },
  reserved_tokens: { sql: 'int', in: ['turn'], copy: 'none', response: 'never' },
  finish_reason: { sql: 'text', in: ['end', 'page', 'export'], copy: 'same', response: 'all' },
  error: { sql: 'jsonb', in: ['end', 'page', 'export'], copy: 'same', response: 'all' },
  attempts: { sql: 'jsonb', in: ['end', 'export'], copy: 'same', response: 'single' },
  // A copy is one branch.
  start_places: { sql: 'int[]', in: ['turn', 'header'], copy: 'own', response: 'never' },
  queued_request: { sql: 'jsonb', in: ['turn', 'export'], copy: 'none', response: 'never' },
  created_at: { sql: 'timestamptz', in: ['turn', 'page', 'export'], copy: 'same', response: 'all' },
  updated_at: {
    sql: 'timestamptz',
    in: ['turn', 'end', 'header', 'page', 'export'],
    copy: 'same',
    response: 'all',
  },
} as const satisfies Record<Column, ColumnRules>;

type Columns = typeof MESSAGE_COLUMNS;
type ColumnsWith<Rule extends keyof ColumnRules, Value> = {
  [C in Column]: Columns[C][Rule] extends Value ? C : never;
}[Column];

export type ColumnIn<U extends Use> = {
  [C in Column]: U extends Columns[C]['in'][number] ? C : never;
}[Column];

/** Columns of which a copy has its own values; all statements that copy have to name them. */
export type OwnColumn = ColumnsWith<'copy', 'own'>;
/** Columns that a response of every message has. */
export type ResponseColumn = ColumnsWith<'response', 'all'>;
export type SingleResponseColumn = ColumnsWith<'response', 'single'>;

const entries = Object.entries(MESSAGE_COLUMNS) as [Column, ColumnRules][];

/** Columns with this use, in the order of the list. */
export function columnsIn<U extends Use>(use: U): ColumnIn<U>[] {
  return entries.filter(([, rules]) => rules.in.includes(use)).map(([name]) => name as ColumnIn<U>);
}

/** Columns that a copy has, and their values in SQL: `own` ones as given, the others from the row that is copied. */
export function copiedColumns(
  own: Record<OwnColumn, string>,
  row: string,
): { names: string; values: string } {
  const copied = entries.filter(([, { copy }]) => copy !== 'none').map(([name]) => name);
  const valueOf = (name: Column) => (name in own ? own[name as OwnColumn] : `${row}.${name}`);
  return { names: copied.join(', '), values: copied.map(valueOf).join(', ') };
}
