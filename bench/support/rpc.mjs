import { once } from 'node:events';

/**
 * Answers the calls of the parent process.
 * @param {Record<string, (argument: any) => unknown>} methods
 */
export function serve(methods) {
  process.on('message', (/** @type {Call} */ call) => void answer(methods, call));
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}

/** @typedef {{ id: number, method: string, argument: unknown }} Call */

/** @param {Record<string, (argument: any) => unknown>} methods @param {Call} call */
async function answer(methods, { id, method, argument }) {
  try {
    process.send?.({ id, result: await methods[method](argument) });
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? error.stack : String(error) });
  }
}

/**
 * A child that serves calls.
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<(method: string, argument?: unknown) => Promise<any>>}
 */
export async function connect(child) {
  /** @type {Map<number, PromiseWithResolvers<any>>} */
  const calls = new Map();
  let last = 0;
  child.on('message', (/** @type {any} */ { id, result, error }) => {
    if (error) calls.get(id)?.reject(new Error(error));
    else calls.get(id)?.resolve(result);
    calls.delete(id);
  });
  child.on('exit', (code) => calls.forEach(({ reject }) => reject(new Error(`A helper ended: ${code}`))));
  await once(child, 'message');
  return (method, argument) => {
    const call = Promise.withResolvers();
    calls.set(++last, call);
    child.send({ id: last, method, argument });
    return call.promise;
  };
}
