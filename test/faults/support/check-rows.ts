import { expectedContent, type History } from './history';

/** Asks the database itself. */
export type Query = <Row>(sql: string) => Promise<Row[]>;

/** The invariants that only the tables can show, when nothing runs any more. */
export async function checkRows(history: History, query: Query): Promise<void> {
  await checkUserMessages(history, query);
  for (const { id, status } of await query<{ id: string; status: string }>(NOT_CLOSED))
    history.violate('I6', id, `is still ${status}`);
  for (const { id, reason } of await query<{ id: string; reason: string }>(BROKEN))
    history.violate('I5', id, reason);
}

async function checkUserMessages(history: History, query: Query): Promise<void> {
  const rows = await query<{ id: string; content: string; replies: number }>(USER_MESSAGES);
  const stored = new Map(rows.map((row) => [row.id, row]));
  const seen = new Set<string>();
  for (const { id, content } of rows) {
    if (seen.has(content)) history.violate('I5', id, `is stored a second time: ${content}`);
    seen.add(content);
  }
  for (const turn of history.turns.values()) {
    const row = stored.get(turn.userMessageId);
    if (!row) history.violate('I1', turn.userMessageId, `was acknowledged and is gone: ${turn.plan.token}`);
    else if (row.content !== expectedContent(turn))
      history.violate('I1', row.id, `is stored as ${row.content}`);
  }
}

const USER_MESSAGES = `SELECT id, parts->0->>'text' AS content FROM messages WHERE role = 'user'`;

const NOT_CLOSED = `SELECT id, status FROM messages WHERE status IN ('streaming', 'queued')`;

const BROKEN = `
  SELECT m.id, 'its parent is gone' AS reason FROM messages m LEFT JOIN messages p ON p.id = m.parent_id
    WHERE m.parent_id IS NOT NULL AND p.id IS NULL
  UNION ALL
  SELECT m.id, 'is a reply to no user message' FROM messages m LEFT JOIN messages p ON p.id = m.parent_id
    WHERE m.role = 'assistant' AND p.role IS DISTINCT FROM 'user'
  UNION ALL
  SELECT m.id, 'a user message without a reply' FROM messages m
    WHERE m.role = 'user' AND NOT EXISTS (SELECT 1 FROM messages r WHERE r.parent_id = m.id)
  UNION ALL
  SELECT c.active_leaf_id, 'the active path ends nowhere' FROM conversations c
    WHERE c.active_leaf_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = c.active_leaf_id)`;

/** I7, I8 and I11 in what a process has written. */
export function checkOutput(history: History, output: string): void {
  const bad = /canary-[\w-]+|test-key-\d+|uncaught error|UnhandledPromise|unexpected error/i.exec(output);
  if (!bad) return;
  const line = output.slice(output.lastIndexOf('\n', bad.index) + 1).split('\n', 1)[0];
  history.violate('I8', '-', `the log has: ${line.slice(0, 800)}`);
}
