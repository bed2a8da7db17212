import type { PoolClient } from 'pg';
import { isSerializationFailure } from './database-error';

const ATTEMPTS = 4;

type Query = (...args: unknown[]) => Promise<unknown>;

/**
 * Has a statement that became the victim of a deadlock sent again, where it was a transaction of its own. Of a longer one the
 * server has forgotten what came before, so that whoever began it has to run it again.
 */
export function repeatVictims(client: PoolClient): void {
  const query = client.query.bind(client) as Query;
  const repeated = async (args: unknown[], attempt: number): Promise<unknown> => {
    try {
      return await query(...args);
    } catch (error) {
      if (attempt === ATTEMPTS || !isSerializationFailure(error)) throw error;
      return repeated(args, attempt + 1);
    }
  };
  const chosen: Query = (...args) =>
    client.getTransactionStatus() === 'I' ? repeated(args, 1) : query(...args);
  client.query = chosen as unknown as PoolClient['query'];
}
