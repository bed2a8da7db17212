import { AsyncLocalStorage } from 'node:async_hooks';

/** Taken while this file is loaded, where there is neither a request nor a transaction. */
const outside = AsyncLocalStorage.snapshot();

/**
 * Begins work that is shared by all (loops, timers, what follows from somebody else's request) outside of the request that happens to
 * need it first: log lines of it carry no request id, and its statements join no transaction.
 */
export function detached<T>(work: () => T): T {
  return outside(work);
}
