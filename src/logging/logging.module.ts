import { Module } from '@nestjs/common';
import { LoggerModule, type Params } from 'nestjs-pino';
import type { DestinationStream } from 'pino';
import pretty from 'pino-pretty';
import { AppConfig, type LogConfig } from '../config/app-config';
import { ObservabilityModule } from '../observability/observability.module';
import { ProcessIdentity } from '../observability/process-identity';
import { describeError } from './describe-error';

/** Wherever one of these is logged by mistake, it is not shown. */
const SECRETS = ['authorization', 'cookie', 'ticket', 'apiKey', 'api_key', 'password', 'secret', 'token'];
const SECRET_HEADERS = ['["x-proxy-secret"]', '["set-cookie"]', '["api-key"]', '["x-api-key"]'];

/** For people at a terminal, who know which process they look at. */
const READABLE = {
  sync: true,
  translateTime: 'SYS:HH:MM:ss.l',
  singleLine: true,
  ignore: 'pid,version,instance_id',
};

/** Structured logs through Nest's own `Logger`; lines written while a request is served carry its id. */
@Module({
  imports: [
    LoggerModule.forRootAsync({
      imports: [ObservabilityModule],
      inject: [AppConfig, ProcessIdentity],
      useFactory: ({ log }: AppConfig, identity: ProcessIdentity) => loggerParams(log, identity),
    }),
  ],
})
export class LoggingModule {}

/** @param destination where JSON lines go; standard output, unless a test wants to read them */
export function loggerParams(
  log: LogConfig,
  identity: ProcessIdentity,
  destination?: DestinationStream,
): Params {
  const { pid, version } = identity;
  const options = {
    level: log.level,
    base: { pid, version },
    // Not of `base`: a process that has lost its registration gets another id.
    mixin: () => ({ instance_id: identity.instanceId }),
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
    pinoHttp: [options, pretty(READABLE)],
  };
}

function redactedPaths(): string[] {
  const names = [...SECRETS, ...SECRET_HEADERS];
  const below = (prefix: string) =>
    names.map((name) => (name.startsWith('[') ? `${prefix}${name}` : `${prefix}.${name}`));
  return [...SECRETS, ...SECRET_HEADERS, ...below('*'), ...below('*.*')];
}
