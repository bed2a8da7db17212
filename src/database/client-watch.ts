import type { PoolClient, QueryResult } from 'pg';
import type { Observer } from '../observability/observer';

/**
 * Prepares a new connection of the pool.
 *
 * A connection that dies while it is checked out emits `error`; without a listener that would end the process. And after
 * the client-side `query_timeout` pg keeps the connection although its server does not answer, so that the next user
 * would wait behind the lost query: such a connection is closed instead. The observer is told how long each statement takes.
 *
 * @param onError told of each statement that fails
 */
export function watchClient(
  client: PoolClient,
  observer: Observer,
  onError: (error: unknown) => void = () => undefined,
): void {
  client.on('error', () => undefined);
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const watched = (...args: unknown[]): unknown => {
    const startedAt = performance.now();
    const result = query(...args);
    if (result instanceof Promise)
      (result as Promise<QueryResult>).then(
        () => observer.queryTime(performance.now() - startedAt),
        (error: unknown) => {
          observer.queryTime(performance.now() - startedAt);
          closeIfSilent(client, error);
          onError(error);
        },
      );
    return result;
  };
  client.query = watched as PoolClient['query'];
}

function closeIfSilent(client: PoolClient, error: unknown): void {
  if (!(error instanceof Error) || error.message !== 'Query read timeout') return;
  // `end()` would first wait for the answer that does not come.
  const { connection } = client as PoolClient & { connection: { stream: { destroy(error: Error): void } } };
  connection.stream.destroy(error);
}
