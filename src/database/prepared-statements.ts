import type { PoolClient } from 'pg';
import { STORAGE_BOUNDS } from '../config/bounds';
import { sqlStateOf } from './database-error';

/** The texts of this service are few; what is made up as it goes (lists of a varying length) is not worth keeping. */
const MAX_STATEMENTS = STORAGE_BOUNDS.preparedStatements.limit;
/** cached plan must not change result type, invalid_sql_statement_name, duplicate_prepared_statement */
const LOST = new Set(['0A000', '26000', '42P05']);
/** in_failed_sql_transaction */
const FAILED_TRANSACTION = '25P02';

type Query = (...args: unknown[]) => Promise<unknown>;

/**
 * Has the server parse and plan each statement with parameters once per connection instead of each time. Where a plan is
 * lost, because another instance has migrated the schema or a pooler has changed the session, the connection goes on without.
 */
export function prepareStatements(client: PoolClient): void {
  const query = client.query.bind(client) as Query;
  const names = new Map<string, string>();
  let enabled = true;
  const prepared = async (text: string, values: unknown[]): Promise<unknown> => {
    const name = nameOf(names, text);
    try {
      return await query({ name, text, values });
    } catch (error) {
      if (!LOST.has(sqlStateOf(error) ?? '')) throw error;
      enabled = false;
      return query(text, values).catch((again: unknown) => {
        // The first error has spoiled a transaction, which can be run again.
        throw sqlStateOf(again) === FAILED_TRANSACTION ? error : again;
      });
    }
  };
  const chosen: Query = (...args) => {
    const [text, values, ...rest] = args;
    const may =
      enabled && typeof text === 'string' && Array.isArray(values) && values.length > 0 && !rest.length;
    if (may && (names.has(text) || names.size < MAX_STATEMENTS)) return prepared(text, values as unknown[]);
    return query(...args);
  };
  client.query = chosen as unknown as PoolClient['query'];
}

/** A plan that is not there any more spoils the transaction it was wanted in, which then runs again without it. */
export function isLostPlan(error: unknown): boolean {
  return LOST.has(sqlStateOf(error) ?? '');
}

function nameOf(names: Map<string, string>, text: string): string {
  const name = names.get(text) ?? `parley_${names.size + 1}`;
  names.set(text, name);
  return name;
}
