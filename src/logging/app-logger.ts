import type { LoggerService } from '@nestjs/common';

/** Nest tells in dozens of lines how it puts itself together; that is for whoever debugs it. */
const CHATTY_CONTEXTS = new Set<unknown>([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
]);
/** What they report at boot is thrown as well, and `boot.ts` says it in plain words. */
const REPEATING_CONTEXTS = new Set<unknown>(['ExceptionHandler', 'NestApplication']);

/** Nest's logger, less talkative: the last parameter of each call is the context that it comes from. */
export class AppLogger implements LoggerService {
  constructor(
    private readonly target: Required<
      Pick<LoggerService, 'log' | 'error' | 'warn' | 'debug' | 'verbose' | 'fatal'>
    >,
  ) {}

  log(message: unknown, ...rest: unknown[]): void {
    if (CHATTY_CONTEXTS.has(rest.at(-1))) this.target.debug(message, ...rest);
    else this.target.log(message, ...rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    if (REPEATING_CONTEXTS.has(rest.at(-1))) this.target.debug(message, ...rest);
    else this.target.error(message, ...rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.target.warn(message, ...rest);
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
}
