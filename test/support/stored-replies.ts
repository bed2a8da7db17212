import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import type { StoredReply } from '../../src/replies/events/event-codec';
import type { RunningApp } from './create-test-app';

/** A finished reply as a build has stored it, and the body of its stream as that build sent it. */
export interface StoredReplyFixture {
  name: string;
  /** Columns of its message; `event_lengths` in hex. */
  row: Omit<StoredReply, 'event_lengths'> & {
    event_lengths: string | null;
    status: string;
    provider: string | null;
  };
  /** The events of the stream: each without the blank line that ends it. */
  stream: string[];
}

export const STORED_REPLIES_FILE = join(__dirname, '../fixtures/replies/stored-replies.json');

export function storedReplies(): StoredReplyFixture[] {
  return JSON.parse(readFileSync(STORED_REPLIES_FILE, 'utf8')) as StoredReplyFixture[];
}

/** The row as `StoredLogCursor` takes it. */
export function storedRow({ row }: StoredReplyFixture): StoredReply {
  return { ...row, event_lengths: row.event_lengths === null ? null : Buffer.from(row.event_lengths, 'hex') };
}

/** Inserts the replies as they are stored, with their conversations and user messages, for a user who is there. */
export async function importReplies(
  t: RunningApp,
  userId: string,
  replies: readonly StoredReplyFixture[],
): Promise<void> {
  const database = t.app.get(DataSource);
  // Of a user message that has several.
  const versions = new Map<string | null, number>();
  for (const { row } of replies) {
    const version = (versions.get(row.parent_id) ?? 0) + 1;
    versions.set(row.parent_id, version);
    await database.query(
      `INSERT INTO conversations (id, user_id, title, last_activity_at, created_at, updated_at, active_leaf_id, last_sequence, message_count)
       VALUES ($1, $2, 'Stored', now(), now(), now(), $3, 9, 9) ON CONFLICT DO NOTHING`,
      [row.conversation_id, userId, row.id],
    );
    await database.query(
      `INSERT INTO messages (id, conversation_id, user_id, branch_id, depth, sequence, role, status, parts, created_at, updated_at)
       VALUES ($1, $2, $3, $1, 1, 1, 'user', 'completed', '[{"type": "text", "text": "Hi"}]', now(), now())
       ON CONFLICT DO NOTHING`,
      [row.parent_id, row.conversation_id, userId],
    );
    const json = (value: unknown) => (value === null ? null : JSON.stringify(value));
    await database.query(
      `INSERT INTO messages (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, parts, event_lengths,
         model, provider, usage, finish_reason, error, attempts, created_at, updated_at)
       VALUES ($1, $2, $3, $4, CASE WHEN $14::int = 1 THEN $4::uuid ELSE $1::uuid END, 2, 1 + $14::int, 'assistant', $5, $6, decode($7, 'hex'), $8, $9, $10, $11, $12, $13, now(), now())`,
      [
        row.id,
        row.conversation_id,
        userId,
        row.parent_id,
        row.status,
        json(row.parts),
        row.event_lengths,
        row.model,
        row.provider,
        json(row.usage),
        row.finish_reason,
        json(row.error),
        json(row.attempts),
        version,
      ],
    );
  }
}

/** Body of the reply's stream, after an event if one is named. */
export async function streamBody(t: RunningApp, userId: string, id: string, after?: string): Promise<string> {
  const response = await fetch(`${t.url}/api/v1/messages/${id}/stream`, {
    headers: { 'X-User-ID': userId, ...(after && { 'Last-Event-ID': after }) },
  });
  return response.text();
}
