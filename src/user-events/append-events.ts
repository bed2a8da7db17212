import { STORAGE_BOUNDS } from '../config/bounds';

/**
 * SQL that appends events of a user to what their feed shows, as the last CTEs of the statement that makes the change: the head of the user is
 * locked until the transaction ends, so nothing may be locked after it. What one statement appends is one row, so that a turn writes one and not
 * four. The first number of a user is taken from the clock, so that an id of before their erasure is not taken for one of now.
 * @param user SQL for the user
 * @param events SQL: one row `(events, count)` or none, the events as a JSON array (`UserEvent[]`). It has to read what the statement locks otherwise
 */
export function appendingEvents(user: string, events: string): string {
  return `new_events (events, count) AS MATERIALIZED (${events}), new_head AS (
     INSERT INTO user_event_heads AS head (user_id, seq)
     SELECT ${user}, (extract(epoch FROM clock_timestamp()) * 1000)::bigint + count FROM new_events WHERE count > 0
     ON CONFLICT (user_id) DO UPDATE SET seq = head.seq + (SELECT count FROM new_events) RETURNING seq
   ), appended AS (
     INSERT INTO user_events (user_id, seq, events, created_at) SELECT ${user}, h.seq, e.events, now() FROM new_head h, new_events e
   )`;
}

/** A further CTE, for all but turns, whose number is limited: no more of the user's events are kept than the bound. */
export function trimmingEvents(user: string): string {
  return `trimmed AS (
     DELETE FROM user_events WHERE user_id = ${user} AND seq <= (SELECT seq FROM new_head) - ${STORAGE_BOUNDS.keptUserEvents.limit}
   )`;
}

/** SQL for the row `(events, count)` of events that a parameter holds as JSON (`UserEvent[]`); more of the FROM may follow. */
export function eventsOf(json: string): string {
  return `SELECT ${json}::json, json_array_length(${json}::json) FROM (SELECT 1) AS told`;
}

/** SQL for the row `(events, count)` of one event for each row of what follows `FROM`; `data` is SQL for an object. */
export function eventOfEach(type: string, data: string, from: string): string {
  return `SELECT json_agg(json_build_object('type', '${type}', 'data', ${data})), count(*) FROM ${from}`;
}
