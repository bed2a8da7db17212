import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { appendingEvents, eventsOf, trimmingEvents } from './append-events';
import type { UserEvent } from './dto/user-event.dto';
import type { NumberedEvent } from './user-event.types';

/** Fields of conversations whose texts do not outlive them. */
const TEXTS = ['title', 'system_prompt', 'metadata', 'settings'];

const APPEND = `WITH ${appendingEvents('$1', eventsOf('$2'))}, ${trimmingEvents('$1')} SELECT seq FROM new_head`;

@Injectable()
export class UserEventsRepository {
  constructor(private readonly db: TransactionRunner) {}

  async append(userId: string, events: readonly UserEvent[]): Promise<void> {
    await this.db.query(APPEND, [userId, JSON.stringify(events)]);
  }

  /** The number of the user's last event, or 0, and events after a number, in order. */
  async after(
    userId: string,
    seq: number,
    limit: number,
  ): Promise<{ head: number; events: NumberedEvent[] }> {
    const rows = await this.db.query<{ head: number; seq: number | null; type: string; data: object }>(
      `SELECT h.seq::float8 AS head, e.seq::float8 AS seq, e.type, e.data FROM user_event_heads h LEFT JOIN LATERAL (
         SELECT seq, type, data FROM user_events WHERE user_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
       ) e ON true WHERE h.user_id = $1 ORDER BY e.seq`,
      [userId, seq, limit],
    );
    const events = rows.flatMap(({ seq: number, type, data }) =>
      number === null ? [] : [numbered(number, { type, data } as UserEvent)],
    );
    return { head: rows.at(0)?.head ?? 0, events };
  }

  async head(userId: string): Promise<number> {
    const rows = await this.db.query<{ seq: number }>(
      'SELECT seq::float8 AS seq FROM user_event_heads WHERE user_id = $1',
      [userId],
    );
    return rows.at(0)?.seq ?? 0;
  }

  /** Of these users, those who have events after these numbers. */
  further(users: { userId: string; seq: number }[]): Promise<{ userId: string; seq: number }[]> {
    return this.db.query(
      `SELECT h.user_id AS "userId", h.seq::float8 AS seq FROM unnest($1::text[], $2::bigint[]) AS w (user_id, seq)
       JOIN user_event_heads h ON h.user_id = w.user_id AND h.seq > w.seq`,
      [users.map(({ userId }) => userId), users.map(({ seq }) => seq)],
    );
  }

  /** Takes what a conversation says of itself out of its events; the numbers stay without gaps. */
  async forgetTexts(userId: string, conversationId: string): Promise<void> {
    await this.db.query(
      `UPDATE user_events SET data = data - $3::text[]
       WHERE user_id = $1 AND data ->> 'conversation_id' = $2 AND data ?| $3::text[]`,
      [userId, conversationId, TEXTS],
    );
  }

  /** How many rows were deleted, `limit` at most. Processes that do so at the same time do not wait for each other. */
  async deleteOlderThan(ms: number, limit: number): Promise<number> {
    const rows = await this.db.query<{ count: number }>(
      `WITH gone AS (
         DELETE FROM user_events WHERE (user_id, seq) IN (
           SELECT user_id, seq FROM user_events WHERE created_at < now() - make_interval(secs => $1)
           ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
         ) RETURNING 1
       ) SELECT count(*)::int AS count FROM gone`,
      [ms / 1_000, limit],
    );
    return rows[0].count;
  }

  /** Removes at most `limit` rows of the user; answers how many. */
  async erase(userId: string, limit: number): Promise<number> {
    const events = await this.db.query(
      `DELETE FROM user_events WHERE user_id = $1 AND seq IN (
         SELECT seq FROM user_events WHERE user_id = $1 LIMIT $2
       ) RETURNING 1 AS one`,
      [userId, limit],
    );
    if (events.length >= limit) return events.length;
    const heads = await this.db.query('DELETE FROM user_event_heads WHERE user_id = $1 RETURNING 1 AS one', [
      userId,
    ]);
    return events.length + heads.length;
  }
}

function numbered(seq: number, event: UserEvent): NumberedEvent {
  return { seq, event, json: JSON.stringify(event) };
}
