import { reportOf, sqlStateOf } from '../database/database-error';

const MAX_CAUSES = 3;

/**
 * What a log line tells of an error. Only these members: libraries put queries with their parameters, request headers and
 * bodies on their errors, and none of that may reach the logs. PostgreSQL's messages may repeat what people wrote, too.
 */
export function describeError(error: unknown, causes = MAX_CAUSES): unknown {
  if (!(error instanceof Error)) return typeof error === 'object' ? '[not an error]' : error;
  const cause =
    error.cause !== undefined && causes > 0 ? { cause: describeError(error.cause, causes - 1) } : {};
  if (sqlStateOf(error) !== undefined)
    return { type: error.name, ...reportOf(error), stack: framesOf(error), ...cause };
  return {
    type: error.name,
    message: error.message,
    ...('code' in error && { code: error.code }),
    stack: error.stack,
    ...cause,
  };
}

/** The stack without the message that it begins with. */
function framesOf({ stack = '' }: Error): string {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}
