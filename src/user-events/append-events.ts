import { STORAGE_BOUNDS } from '../config/bounds';

/** SQL for what a change tells, each a query of one value. Both have to read what the statement locks otherwise. */
export interface ToldEvents {
  /** How many events; 0 or no row if none. */
  count: string;
  /** A JSON array (`UserEvent[]`); asked for only where somebody follows the user. */
  events: string;
}

/**
 * SQL that appends events of a user to what their feed shows, as the last CTEs of the statement that makes the change: the head of the user is
 * locked until the transaction ends, so nothing may be locked after it. What one statement appends is one row, so that a turn writes one and not
 * four. Where nobody follows the user, the events are only counted: whoever begins to follow changes the same row, so each change is seen either in
 * what a page reads when its feed has opened, or in the feed. The first number of a user is taken from the clock, so that an id of before their
 * erasure is not taken for one of now.
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

/** A further CTE, for all but turns, whose number is limited: no more of the user's events are kept than the bound. */
export function trimmingEvents(user: string): string {
  return `trimmed AS (
     DELETE FROM user_events WHERE user_id = ${user} AND seq <= (SELECT seq FROM new_head) - ${STORAGE_BOUNDS.keptUserEvents.limit}
   )`;
}

/** Events that a parameter holds as JSON (`UserEvent[]`), told if there are rows of `from`. */
export function eventsOf(json: string, from = ''): ToldEvents {
  const of = from && ` FROM ${from}`;
  return { count: `SELECT json_array_length(${json}::json)${of}`, events: `SELECT ${json}::json${of}` };
}

/** Those of one change after those of another. */
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
