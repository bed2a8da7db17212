import { type INestApplication, type NestApplicationOptions, RequestMethod } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { ServerResponse } from 'node:http';
import { Logger, PinoLogger } from 'nestjs-pino';
import { AppConfig } from './config/app-config';
import { DatabaseWatch } from './database/database-watch';
import { UNPREFIXED_ROUTES } from './health/health.controller';
import { onlyForHosts } from './http/allowed-hosts';
import { API_PREFIX } from './http/api-prefix';
import { type LocatedRequest, locateClient } from './http/client-address';
import { answerPreflight, corsOptions } from './http/cors';
import { AppError } from './errors/app-error';
import { closeWhenDraining, Draining } from './http/draining';
import { refuseUnexpectedBody } from './http/json-body';
import { serveDocs } from './http/openapi/docs-pages';
import { pageIsBuilt, servePage } from './http/built-page';
import { redirectToDocs, servePageFolder } from './http/page-folder';
import { assignRequestId } from './http/request-id';
import { checkRequestTarget } from './http/request-target';
import { apiSecurityHeaders, ignoreConditionalGet } from './http/security-headers';
import { sendProblem } from './http/send-problem';
import { limitServer } from './http/server-limits';
import { METRICS_PATH } from './http/metrics-path';
import { Observer } from './observability/observer';
import { RequestLimits } from './limits/request-limits';
import { AppLogger } from './logging/app-logger';
import { logRequests } from './logging/request-log';

/** What `NestFactory.create` and the tests need so that `configureApp` has the whole say about requests and errors. */
export const APP_OPTIONS = {
  bodyParser: false,
  bufferLogs: true,
  abortOnError: false,
  routeConflictPolicy: { duplicate: 'error', shadow: 'error' },
  routeResolutionStrategy: 'specificity',
} as const satisfies NestApplicationOptions;

/** Makes the application what clients meet: addresses, limits, headers, logs and documentation. Used by `main.ts` and the tests. */
export function configureApp(app: NestExpressApplication): NestExpressApplication {
  const { http } = app.get(AppConfig);
  app.useLogger(new AppLogger(app.get(Logger), app.get(DatabaseWatch)));
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', false);
  prefixRoutes(app);
  limitServer(app.getHttpServer());

  app.use(locateClient(http));
  app.use(assignRequestId, logRequests(new PinoLogger({}), app.get(Observer)), apiSecurityHeaders());
  app.use(closeWhenDraining(app.get(Draining)));
  const cors = corsOptions(http.corsOrigins);
  // CORS comes before the limits, so that a page may read that it has reached one.
  if (cors) app.enableCors(cors);
  app.use(limitNetworks(app.get(RequestLimits)));
  app.use(onlyForHosts(http.allowedHosts), checkRequestTarget, refuseUnexpectedBody);
  if (cors) app.use(answerPreflight);
  if (http.pageDir) servePageFolder(app, http.pageDir);
  else if (http.page && pageIsBuilt()) servePage(app);
  // A folder of the operator's need not have anything at `/`.
  if (http.docs) redirectToDocs(app);
  app.use(ignoreConditionalGet);
  if (http.docs) serveDocs(app);
  return app;
}

/** Every route is below the prefix, except those whose path is complete as it is. */
export function prefixRoutes(app: INestApplication): void {
  app.setGlobalPrefix(API_PREFIX, {
    exclude: [...UNPREFIXED_ROUTES, METRICS_PATH].map((path) => ({ path, method: RequestMethod.ALL })),
  });
}

/** Counts every request, and answers those beyond the limit itself: as an error each would pass by all routes to be told what it is. */
function limitNetworks(limits: RequestLimits) {
  return async (request: LocatedRequest, response: ServerResponse, next: (error?: unknown) => void) => {
    try {
      await limits.checkNetwork(request, response);
    } catch (error) {
      return error instanceof AppError ? sendProblem(request, response, error) : next(error);
    }
    next();
  };
}
