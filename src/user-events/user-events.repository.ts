import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { appendingEvents, eventsOf, trimmingEvents } from './append-events';
import type { UserEvent } from './dto/user-event.dto';
import type { NumberedEvent } from './user-event.types';

/** Fields of events that are removed when their conversation is deleted. */
const TEXTS = ['title', 'system_prompt', 'metadata', 'settings'];

const APPEND = `WITH ${appendingEvents('$1', eventsOf('$2'))}, ${trimmingEvents('$1')} SELECT seq FROM new_head`;

/** SQL for the conversation that the events of a change belong to, in the words of its index. */
const CONVERSATION = `events -> 0 -> 'data' ->> 'conversation_id'`;

/** SQL for whether an event belongs to the conversation `$2`. */
const IS_OF = `e.value -> 'data' ->> 'conversation_id' = $2`;

@Injectable()
export class UserEventsRepository {
  constructor(private readonly db: TransactionRunner) {}

  async append(userId: string, events: readonly UserEvent[]): Promise<void> {
    await this.db.query(APPEND, [userId, JSON.stringify(events)]);
  }

  /** Number of the user's last event (0: none), and the events after a number, in order: those of at most `limit` changes. */
  async after(
    userId: string,
    seq: number,
    limit: number,
  ): Promise<{ head: number; events: NumberedEvent[]; more: boolean }> {
    const rows = await this.db.query<{ head: number; last: number | null; events: UserEvent[] }>(
      `SELECT h.seq::float8 AS head, e.seq::float8 AS last, e.events FROM user_event_heads h LEFT JOIN LATERAL (
         SELECT seq, events FROM user_events WHERE user_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
       ) e ON true WHERE h.user_id = $1 ORDER BY e.seq`,
      [userId, seq, limit],
    );
    const events = rows.flatMap(({ last, events: changes }) =>
      last === null ? [] : changes.map((event, index) => numbered(last - changes.length + 1 + index, event)),
    );
    return {
      head: rows.at(0)?.head ?? 0,
      events: events.filter((event) => event.seq > seq),
      more: rows.length === limit,
    };
  }

  /** Keeps the user's events from now on for `ms`, unless they are kept for `least` already. Answers the number of the last one. */
  async follow(userId: string, { ms, least }: { ms: number; least: number }): Promise<number> {
    const rows = await this.db.query<{ seq: number }>(
      `WITH known AS (
         SELECT seq FROM user_event_heads WHERE user_id = $1 AND followed_until > now() + make_interval(secs => $3)
       ), begun AS (
         INSERT INTO user_event_heads AS head (user_id, seq, followed_until)
         SELECT $1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, now() + make_interval(secs => $2)
         WHERE NOT EXISTS (SELECT 1 FROM known)
         ON CONFLICT (user_id) DO UPDATE SET followed_until = EXCLUDED.followed_until RETURNING seq
       ) SELECT seq::float8 AS seq FROM known UNION ALL SELECT seq::float8 FROM begun`,
      [userId, ms / 1_000, least / 1_000],
    );
    return rows[0].seq;
  }

  /** Extends the time for which events of these users are kept. Users whose heads are locked are left out: another transaction appends or extends. */
  async goOnFollowing(userIds: string[], { ms, least }: { ms: number; least: number }): Promise<void> {
    await this.db.query(
      `WITH due AS (
         SELECT user_id FROM user_event_heads
         WHERE user_id = ANY($1::text[]) AND followed_until < now() + make_interval(secs => $3) FOR NO KEY UPDATE SKIP LOCKED
       ) UPDATE user_event_heads h SET followed_until = now() + make_interval(secs => $2) FROM due WHERE h.user_id = due.user_id`,
      [userIds, ms / 1_000, least / 1_000],
    );
  }

  /** The given users who have events after their numbers. */
  further(users: { userId: string; seq: number }[]): Promise<{ userId: string; seq: number }[]> {
    return this.db.query(
      `SELECT h.user_id AS "userId", h.seq::float8 AS seq FROM unnest($1::text[], $2::bigint[]) AS w (user_id, seq)
       JOIN user_event_heads h ON h.user_id = w.user_id AND h.seq > w.seq`,
      [users.map(({ userId }) => userId), users.map(({ seq }) => seq)],
    );
  }

  /** Removes fields of a conversation from its stored events, by default all of its texts; the numbers stay without gaps. */
  async forgetTexts(
    userId: string,
    conversationId: string,
    fields: readonly string[] = TEXTS,
  ): Promise<void> {
    await this.db.query(
      `UPDATE user_events SET events = (
         SELECT json_agg(CASE WHEN ${IS_OF} THEN json_build_object('type', e.value -> 'type', 'data', (e.value -> 'data')::jsonb - $3::text[])
           ELSE e.value END ORDER BY e.ord) FROM json_array_elements(events) WITH ORDINALITY AS e (value, ord)
       )
       WHERE user_id = $1 AND ${CONVERSATION} = $2`,
      [userId, conversationId, fields],
    );
  }

  /** Deletes at most `limit` rows; answers their number. Processes that do so at the same time do not wait for each other. */
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
