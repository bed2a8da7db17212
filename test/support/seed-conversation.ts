import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import type { RunningApp } from './create-test-app';

/** A conversation of somebody who is there, with one line of turns as if they had been posted; answers its id. */
export async function seedConversation(
  t: RunningApp,
  { userId, messages }: { userId: string; messages: number },
): Promise<string> {
  const database = t.app.get(DataSource);
  const id = randomUUID();
  await database.query(
    `INSERT INTO conversations (id, user_id, title, last_activity_at, created_at, updated_at)
     VALUES ($1, $2, 'Long', now(), now(), now())`,
    [id, userId],
  );
  const at = (n: string) => `md5($1::uuid::text || ${n})::uuid`;
  // In pieces, each of which an embedded database can do in its time for a statement.
  for (let first = 1; first <= messages; first += 5_000)
    await database.query(
      `INSERT INTO messages (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, parts, tokens,
         model, usage, created_at, updated_at)
       SELECT ${at('n')}, $1::uuid, $2, CASE WHEN n > 1 THEN ${at('(n - 1)')} END, ${at('1')}, n, n,
         CASE WHEN n % 2 = 0 THEN 'assistant' ELSE 'user' END, 'completed',
         jsonb_build_array(jsonb_build_object('type', 'text', 'text', repeat(md5(n::text), 8))), 60,
         CASE WHEN n % 2 = 0 THEN 'parley-demo' END,
         CASE WHEN n % 2 = 0 THEN '{"input_tokens": 7, "output_tokens": 5}'::jsonb END, now(), now()
       FROM generate_series($3::int, $4::int) n`,
      [id, userId, first, Math.min(first + 4_999, messages)],
    );
  await database.query(
    `UPDATE conversations c SET active_leaf_id = ${at('$2::int')}, last_sequence = $2, message_count = $2,
       stored_bytes = 8 + (SELECT sum(octet_length(parts::text) - 2) FROM messages WHERE conversation_id = $1)
     WHERE id = $1`,
    [id, messages],
  );
  return id;
}
