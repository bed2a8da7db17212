import { STORAGE_BOUNDS } from '../config/bounds';

/**
 * SQL that appends events of a user to what their feed shows, as the last CTEs of the statement that makes the change: the head of the user is
 * locked until the transaction ends, so nothing may be locked after it. The first number of a user is taken from the clock, so that an id of before
 * their erasure is not taken for one of now.
 * @param user SQL for the user
 * @param events SQL: rows `(ord, type, data)`, `ord` from 1 without gaps. It has to read what the statement locks otherwise
 */
export function appendingEvents(user: string, events: string): string {
  return `new_events (ord, type, data) AS (${events}), new_head AS (
     INSERT INTO user_event_heads AS head (user_id, seq)
     SELECT ${user}, (extract(epoch FROM clock_timestamp()) * 1000)::bigint + count(*) FROM new_events HAVING count(*) > 0
     ON CONFLICT (user_id) DO UPDATE SET seq = head.seq + (SELECT count(*) FROM new_events) RETURNING seq
   ), appended AS (
     INSERT INTO user_events (user_id, seq, type, data, created_at)
     SELECT ${user}, h.seq - (SELECT count(*) FROM new_events) + e.ord, e.type, e.data, now() FROM new_head h, new_events e
   )`;
}

/** A further CTE, for all but turns, whose number is limited: no more of the user's events are kept than the bound. */
export function trimmingEvents(user: string): string {
  return `trimmed AS (
     DELETE FROM user_events WHERE user_id = ${user} AND seq <= (SELECT seq FROM new_head) - ${STORAGE_BOUNDS.keptUserEvents.limit}
   )`;
}

/** SQL for rows `(ord, type, data)` of events that a parameter holds as JSON (`UserEvent[]`); more of the FROM may follow. */
export function eventsOf(json: string, data = "e.value -> 'data'"): string {
  return `SELECT e.ord, e.value ->> 'type', ${data} FROM jsonb_array_elements(${json}::jsonb) WITH ORDINALITY AS e (value, ord)`;
}
