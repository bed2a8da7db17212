import { type CursorScope, decodeCursor, encodeCursor } from './cursor';
import type { Page } from './page';
import type { PageQuery } from './page-query.dto';

/** A list of a user in the order of a time, then of an id, newest first. */
export interface TimeOrderedList<Time extends string> extends CursorScope {
  /** The column of the time. */
  by: Time;
  /** What the ids are; `uuid` unless given. */
  ids?: 'uuid' | 'string';
}

/** The sort values of a row; the time in ISO 8601. */
type Position<Time extends string> = Record<Time, string> & { id: string };
type Row<Time extends string> = Record<Time, Date> & { id: string };

/** Rows of a search that looked only so far: it goes on after `end`, whether or not there is a row. */
interface Searched<R, P> {
  found: R[];
  end?: P;
}

/**
 * One page of a list.
 * @param read reads at most `limit` rows after a position, from the first row on without one
 * @throws AppError `invalid_cursor`
 */
export async function listPage<Time extends string, R extends Row<Time>, T>(
  list: TimeOrderedList<Time>,
  { limit, cursor }: PageQuery,
  read: (after: Position<Time> | undefined, limit: number) => Promise<R[] | Searched<R, Position<Time>>>,
  toItem: (row: R) => T,
): Promise<Page<T>> {
  // One more than is shown tells whether there are more.
  const rows = await read(cursor === undefined ? undefined : positionOf(list, cursor), limit + 1);
  const { found, end } = Array.isArray(rows) ? { found: rows } : rows;
  const shown = found.slice(0, limit);
  const last = found.length > limit ? asPosition(list, shown[limit - 1]) : undefined;
  const next = end ?? last;
  return {
    data: shown.map(toItem),
    has_more: next !== undefined,
    next_cursor: next ? encodeCursor(list, [next[list.by], next.id]) : null,
  };
}

function positionOf<Time extends string>(list: TimeOrderedList<Time>, cursor: string): Position<Time> {
  const [time, id] = decodeCursor(list, cursor, ['timestamp', list.ids ?? 'uuid']);
  return { [list.by]: time, id } as Position<Time>;
}

function asPosition<Time extends string>({ by }: TimeOrderedList<Time>, row: Row<Time>): Position<Time> {
  return { [by]: row[by].toISOString(), id: row.id } as Position<Time>;
}
