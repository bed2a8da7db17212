import { appendFileSync } from 'node:fs';
import { Client } from 'pg';

/** One JSON string per line: the texts of the statements that the service sends while tests run. */
const FILE = process.env.STATEMENTS_FILE;
const RECORDED = Symbol.for('parley.recorded-statements');

/** Texts that have been looked at. Shared by the files of a worker, each of which loads this module. */
const known = ((globalThis as { [RECORDED]?: Set<string> })[RECORDED] ??= new Set());

// A file of tests before this one in the worker has begun.
if (FILE && known.size === 0) record(FILE);

/** Appends each new statement to a file, which `check.mjs` reads. Statements that a test itself sends are left out. */
function record(file: string): void {
  // eslint-disable-next-line typescript/unbound-method
  const { query } = Client.prototype;
  // Also says that it has begun.
  known.add('');
  Client.prototype.query = function (this: Client, ...args: unknown[]) {
    const [config] = args as [string | { text?: string }];
    const text = typeof config === 'string' ? config : config.text;
    if (text && !known.has(text)) {
      known.add(text);
      if (isOfService()) appendFileSync(file, `${JSON.stringify(text)}\n`);
    }
    return (query as (...all: unknown[]) => unknown).apply(this, args);
  } as typeof Client.prototype.query;
}

/** Whether the nearest caller that is no package's is a file of the service. */
function isOfService(): boolean {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 100;
  const lines = new Error().stack?.split('\n').slice(1) ?? [];
  Error.stackTraceLimit = stackTraceLimit;
  const own = lines.filter(
    (line) => /\.ts[:)]/.test(line) && !/node_modules|test\/statements|src\/database\//.test(line),
  );
  return own.length > 0 && own[0].includes('/src/');
}
