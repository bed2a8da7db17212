import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { readFileSync } from 'node:fs';
import { AppModule } from '../app.module';
import { APP_OPTIONS, configureApp } from '../app.setup';
import { AppConfig } from '../config/app-config';
import { parseAppConfig } from '../config/environment';
import { idleVariables, unknownVariables } from '../config/unknown-variables';
import { parseDatabaseUrl } from '../database/database-url';
import { type Listening, listenWithAcceptors } from '../http/acceptors';
import { Draining } from '../http/draining';
import { explain, type Places } from './explain-error';
import { greeting, warnings } from './greeting';
import { helpText } from './help';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** A terminal and a service manager signal npm and Node alike, and npm passes its own on: within this time it is one signal. */
const SAME_SIGNAL_MS = 2_000;
/** For terminal events and their way to the readers, once nobody wants to wait any more. */
const HURRY_MS = 2_000;
/** For what has begun, where the start has failed. */
const FAILED_MS = 3_000;

/** Starts the service; what keeps it from starting is said in one plain message. */
export async function boot(): Promise<void> {
  const [option] = process.argv.slice(2);
  if (option !== undefined) return answer(option);
  const places: Places = {};
  let app: NestExpressApplication | undefined;
  try {
    // The module does this as well, but here nothing has begun that would have to report it in its own way.
    const { database, http } = parseAppConfig(process.env);
    Object.assign(places, { dataDir: database.dataDir, host: http.host });
    if (database.url) parseDatabaseUrl(database.url);
    const shutdown = new Shutdown();
    app = configureApp(await NestFactory.create<NestExpressApplication>(AppModule, APP_OPTIONS));
    stopWithNpm(shutdown);
    logFatalErrors();
    const config = app.get(AppConfig);
    await listenWithAcceptors(app as unknown as Listening, config.http.port, config.http.host);
    shutdown.follow(app);
    greet(config, await app.getUrl());
  } catch (error) {
    process.stderr.write(`${explain(error, places)}\n`);
    // In order, if it can be: the embedded database's thread may not end otherwise.
    const patience = new Promise((resolve) => setTimeout(resolve, FAILED_MS));
    await Promise.race([app?.close().catch(() => undefined), patience]);
    process.exit(1);
  }
}

function answer(option: string): void {
  const isHelp = option === '--help' || option === '-h';
  process.stdout.write(isHelp ? `${helpText()}\n` : `${option} is no option. See npm start -- --help.\n`);
  process.exitCode = isHelp ? 0 : 2;
}

/**
 * The first signal ends the service in order, with time for what runs; a later one ends what runs, too, each stream with its terminal
 * event. A start that is not over is just broken off: nothing has been acknowledged, and what is half done (a migration, the embedded
 * database's files) is safe from any end of the process, whereas the parts of a service that is still being put together cannot be
 * taken apart in order.
 */
class Shutdown {
  private readonly logger = new Logger('Parley');
  private app: NestExpressApplication | undefined;
  private requestedAt: number | undefined;

  constructor() {
    for (const signal of SIGNALS) process.on(signal, () => this.onSignal(signal));
  }

  get requested(): boolean {
    return this.requestedAt !== undefined;
  }

  /** The service has started. */
  follow(app: NestExpressApplication): void {
    this.app = app;
    app.enableShutdownHooks([...SIGNALS], { useProcessExit: true });
  }

  private onSignal(signal: NodeJS.Signals): void {
    if (!this.app) process.exit(0);
    const now = performance.now();
    if (this.requestedAt === undefined) this.tell(signal, now);
    this.requestedAt ??= now;
    if (now - this.requestedAt < SAME_SIGNAL_MS) return;
    this.logger.log({ signal, msg: 'Shutdown waits no longer' });
    this.app.get(Draining).endGrace();
    setTimeout(() => process.exit(0), HURRY_MS);
  }

  /** The last line is written by the end itself, whichever way it comes about. */
  private tell(signal: NodeJS.Signals, began: number): void {
    this.logger.log({ signal, msg: 'Shutdown begins' });
    process.once('exit', () =>
      this.logger.log({ ms: Math.round(performance.now() - began), msg: 'Shutdown ends' }),
    );
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

function greet(config: AppConfig, url: string): void {
  const logger = new Logger('Parley');
  for (const line of greeting(config, url, process.env)) logger.log(line);
  for (const line of warnings(config)) logger.warn(line);
  const file = process.env.MODELS_FILE;
  const models = file ? readFileSync(file, 'utf8') : '';
  for (const { name, nearest } of unknownVariables(process.env, (variable) => models.includes(variable)))
    logger.warn(`${name} is no variable of this service and is ignored. Is ${nearest} meant?`);
  for (const { name, without } of idleVariables(process.env))
    logger.warn(`${name} does nothing without ${without.join(' or ')}.`);
}
