import type { LoggerService } from '@nestjs/common';
import type { DatabaseWatch } from '../database/database-watch';

/** Nest tells in dozens of lines how it puts itself together; that is for whoever debugs it. */
const CHATTY_CONTEXTS = new Set<unknown>([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
]);
/** What they report at boot is thrown as well, and `boot.ts` says it in plain words. */
const REPEATING_CONTEXTS = new Set<unknown>(['ExceptionHandler', 'NestApplication']);

type Target = Required<Pick<LoggerService, 'log' | 'error' | 'warn' | 'debug' | 'verbose' | 'fatal'>>;

/**
 * Nest's logger, less talkative: the last parameter of each call is the context that it comes from. What only repeats that the database is lost, or
 * its disk full, is told at level `debug`.
 */
export class AppLogger implements LoggerService {
  constructor(
    private readonly target: Target,
    private readonly database: Pick<DatabaseWatch, 'repeats'>,
  ) {}

  log(message: unknown, ...rest: unknown[]): void {
    if (CHATTY_CONTEXTS.has(rest.at(-1))) this.target.debug(message, ...rest);
    else this.target.log(message, ...rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    if (REPEATING_CONTEXTS.has(rest.at(-1))) this.target.debug(message, ...rest);
    else this.tell('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.tell('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.target.debug(message, ...rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.target.verbose(message, ...rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.target.fatal(message, ...rest);
  }

  /** At once, unless it is not known yet whether the database is lost. */
  private tell(level: 'error' | 'warn', message: unknown, rest: unknown[]): void {
    const error = errorOf(message);
    const repeats = error !== undefined && this.database.repeats(error);
    const write = (isRepeated: boolean) => this.target[isRepeated ? 'debug' : level](message, ...rest);
    if (repeats instanceof Promise) void repeats.then(write);
    else write(repeats);
  }
}

function errorOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'err' in message ? message.err : undefined;
}
