import { Module } from '@nestjs/common';
import { LoggerModule, type Params } from 'nestjs-pino';
import type { DestinationStream } from 'pino';
import pretty from 'pino-pretty';
import { AppConfig, type LogConfig } from '../config/app-config';
import { describeError } from './describe-error';

/** Wherever one of these is logged by mistake, it is not shown. */
const SECRETS = ['authorization', 'cookie', 'ticket', 'apiKey', 'api_key', 'password', 'secret', 'token'];
const SECRET_HEADERS = ['["x-proxy-secret"]', '["set-cookie"]', '["api-key"]', '["x-api-key"]'];

/** Structured logs through Nest's own `Logger`; lines written while a request is served carry its id. */
@Module({
  imports: [
    LoggerModule.forRootAsync({
      inject: [AppConfig],
      useFactory: (config: AppConfig) => loggerParams(config.log),
    }),
  ],
})
export class LoggingModule {}

/** @param destination where JSON lines go; standard output, unless a test wants to read them */
export function loggerParams(log: LogConfig, destination?: DestinationStream): Params {
  const options = {
    level: log.level,
    base: undefined,
    redact: { paths: redactedPaths(), censor: '[redacted]' },
    serializers: { err: describeError },
    wrapSerializers: false,
  };
  // Requests are logged by our own middleware, which runs before the body is parsed and sees what is refused there, too.
  const forRoutes: Params['forRoutes'] = [];
  if (destination) return { forRoutes, pinoHttp: [options, destination] };
  if (log.format === 'json') return { forRoutes, pinoHttp: options };
  return {
    forRoutes,
    pinoHttp: [options, pretty({ sync: true, translateTime: 'SYS:HH:MM:ss.l', singleLine: true })],
  };
}

function redactedPaths(): string[] {
  const names = [...SECRETS, ...SECRET_HEADERS];
  const below = (prefix: string) =>
    names.map((name) => (name.startsWith('[') ? `${prefix}${name}` : `${prefix}.${name}`));
  return [...SECRETS, ...SECRET_HEADERS, ...below('*'), ...below('*.*')];
}
