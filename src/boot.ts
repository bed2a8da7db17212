import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module';
import { APP_OPTIONS, configureApp } from './app.setup';
import { AppConfig, type AuthConfig } from './config/app-config';
import { ConfigError } from './config/config-error';
import { parseAppConfig } from './config/environment';
import { type Listening, listenWithAcceptors } from './http/acceptors';
import { API_PREFIX } from './http/api-prefix';
import { Draining } from './http/draining';

const OPEN_TO_ALL =
  'Whoever can reach this port can act as any user: set AUTH_PROXY_SECRET or AUTH_TRUSTED_PROXIES, or listen on 127.0.0.1.';
const BEARER = 'Authorization: Bearer <access token>';
/** How to say who one is, in an example. */
const IDENTITY: Record<AuthConfig['mode'], string> = { header: 'X-User-ID: me', token: BEARER, jwks: BEARER };
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** A terminal and a service manager signal npm and Node alike, and npm passes its own on: within this time it is one signal. */
const SAME_SIGNAL_MS = 2_000;
/** For terminal events and their way to the readers, once nobody wants to wait any more. */
const HURRY_MS = 2_000;

/** Starts the service; what keeps it from starting is said in one plain message. */
export async function boot(): Promise<void> {
  try {
    // The module does this as well, but here nothing has begun that would have to report it in its own way.
    parseAppConfig(process.env);
    const shutdown = new Shutdown();
    const app = configureApp(await NestFactory.create<NestExpressApplication>(AppModule, APP_OPTIONS));
    stopWithNpm(shutdown);
    logFatalErrors();
    const config = app.get(AppConfig);
    await listenWithAcceptors(app as unknown as Listening, config.http.port, config.http.host);
    shutdown.follow(app);
    greet(config, await app.getUrl());
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exit(1);
  }
}

/**
 * The first signal ends the service in order, with time for what runs; a later one ends what runs, too, each stream with its terminal
 * event. A start that is not over is just broken off: nothing has been acknowledged, and what is half done (a migration, the embedded
 * database's files) is safe from any end of the process, whereas the parts of a service that is still being put together cannot be
 * taken apart in order.
 */
class Shutdown {
  private app: NestExpressApplication | undefined;
  private requestedAt: number | undefined;

  constructor() {
    for (const signal of SIGNALS) process.on(signal, () => this.onSignal());
  }

  get requested(): boolean {
    return this.requestedAt !== undefined;
  }

  /** The service has started. */
  follow(app: NestExpressApplication): void {
    this.app = app;
    app.enableShutdownHooks([...SIGNALS], { useProcessExit: true });
  }

  private onSignal(): void {
    if (!this.app) process.exit(0);
    const now = performance.now();
    this.requestedAt ??= now;
    if (now - this.requestedAt < SAME_SIGNAL_MS) return;
    this.app.get(Draining).endGrace();
    setTimeout(() => process.exit(0), HURRY_MS);
  }
}

/** `npm start` runs a shell, and a signal to npm ends that shell, which passes none on: then the service ends as by the signal. */
function stopWithNpm(shutdown: Shutdown): void {
  if (!process.env.npm_lifecycle_event) return;
  const shell = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(timer);
    if (!shutdown.requested) process.kill(process.pid, 'SIGTERM');
  }, 500).unref();
}

/** After an error that nobody caught the state is unknown; what was acknowledged is stored, so a restart is safe. */
function logFatalErrors(): void {
  process.on('uncaughtException', (err: Error) => {
    new Logger('Process').fatal({ err, msg: 'uncaught error' });
    process.exit(1);
  });
}

function greet({ http, auth }: AppConfig, url: string): void {
  const base = `${url}/${API_PREFIX}`;
  const lines = [
    `Parley listens on ${base}`,
    ...(http.docs ? [`Swagger UI ${base}/docs   ReDoc ${base}/redoc   OpenAPI ${base}/openapi.json`] : []),
    `Try: curl -N ${base}/chat -H '${IDENTITY[auth.mode]}' -H 'Content-Type: application/json' -d '{"content":"Hello!"}'`,
  ];
  const logger = new Logger('Parley');
  for (const line of lines) logger.log(line);
  if (auth.mode !== 'header') return;
  if (!auth.loopback && !auth.proxySecret && auth.trustedProxies.length === 0) logger.warn(OPEN_TO_ALL);
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const { code, message, stack } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return `${message}: something else listens there already. Choose another PORT or stop it.`;
  if (code === 'EACCES')
    return `${message}: this address may not be listened on. Choose another PORT or HOST.`;
  return stack ?? message ?? String(error);
}
