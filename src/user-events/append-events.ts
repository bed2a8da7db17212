import { STORAGE_BOUNDS } from '../config/bounds';

/** SQL for the events of a change, each a query of one value. Both have to read all other rows that the statement locks. */
export interface ToldEvents {
  /** Number of events; 0 or no row if there are none. */
  count: string;
  /** JSON array of the events (`UserEvent[]`); evaluated only while a feed follows the user. */
  events: string;
}

/**
 * SQL that appends events to a user's feed, as the last CTEs of the statement that makes the change: the head of the user is locked until the
 * transaction ends, so nothing may be locked after it. The events of one statement are one row, so that a turn writes one and not four. While no
 * feed follows the user, events are only counted: a feed that begins to follow changes the same row, so a page sees each change either in what
 * it reads once its feed has opened, or in the feed. The first number of a user is taken from the clock, so that an id from before the user's
 * erasure is not mistaken for a current one.
 * @param user SQL for the user
 */
export function appendingEvents(user: string, { count, events }: ToldEvents): string {
  return `told (count) AS MATERIALIZED (${count}), new_head AS (
     INSERT INTO user_event_heads AS head (user_id, seq)
     SELECT ${user}, (extract(epoch FROM clock_timestamp()) * 1000)::bigint + count FROM told WHERE count > 0
     ON CONFLICT (user_id) DO UPDATE SET seq = head.seq + (SELECT count FROM told) RETURNING seq, followed_until > now() AS is_followed
   ), appended AS (
     INSERT INTO user_events (user_id, seq, events, created_at)
     SELECT ${user}, h.seq, (${events}), now() FROM new_head h WHERE h.is_followed
   )`;
}

/** SQL of a further CTE that keeps a user's events within their bound. Turns do without it, as their number is limited. */
export function trimmingEvents(user: string): string {
  return `trimmed AS (
     DELETE FROM user_events WHERE user_id = ${user} AND seq <= (SELECT seq FROM new_head) - ${STORAGE_BOUNDS.keptUserEvents.limit}
   )`;
}

/** Events that a parameter has as JSON (`UserEvent[]`), appended if `from` has rows. */
export function eventsOf(json: string, from = ''): ToldEvents {
  const of = from && ` FROM ${from}`;
  return { count: `SELECT json_array_length(${json}::json)${of}`, events: `SELECT ${json}::json${of}` };
}

/** Events of two changes, one after the other. */
export function bothEvents(first: ToldEvents, second: ToldEvents): ToldEvents {
  return {
    count: `SELECT (${first.count}) + (${second.count})`,
    events: `SELECT coalesce((${first.events})::jsonb, '[]') || coalesce((${second.events})::jsonb, '[]')`,
  };
}

/** One event for each row of `from`; `data` is SQL for an object. */
export function eventOfEach(type: string, data: string, from: string): ToldEvents {
  return {
    count: `SELECT count(*) FROM ${from}`,
    events: `SELECT json_agg(json_build_object('type', '${type}', 'data', ${data})) FROM ${from}`,
  };
}
