import type { INestApplication } from '@nestjs/common';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { NextFunction } from 'express';
import { AppConfig } from '../../config/app-config';
import { API_PREFIX } from '../api-prefix';
import { noRouteFor } from '../no-route';
import { docsSecurityHeaders } from '../security-headers';
import { sendProblem } from '../send-problem';
import { showFirstEvents } from './first-events';
import { createOpenApiDocument } from './openapi-document';
import { readingView } from './reading-view';

const DOCUMENT_URL = `/${API_PREFIX}/openapi.json`;
const SWAGGER_URL = `/${API_PREFIX}/docs`;
const REDOC_URL = `/${API_PREFIX}/redoc`;
const REDOC_BUNDLE = 'redoc.standalone.js';
const REDOC_LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';
const NO_IMAGE = 'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E';

/** Serves the OpenAPI document, Swagger UI and ReDoc. They are Express routes, so no guard applies; everything is local. */
export function serveDocs(app: INestApplication): void {
  const { auth } = app.get(AppConfig);
  let made: OpenAPIObject | undefined;
  const document = () => (made ??= createOpenApiDocument(app));
  app.use([SWAGGER_URL, REDOC_URL], docsSecurityHeaders());
  app.use(SWAGGER_URL, onlySwaggerFiles);
  serveRedoc(app);
  redirect(app, '/docs', SWAGGER_URL);
  redirect(app, '/redoc', REDOC_URL);
  app.getHttpAdapter().get(
    DOCUMENT_URL,
    send('application/json; charset=utf-8', () => JSON.stringify(document())),
  );
  SwaggerModule.setup(SWAGGER_URL, app, document, {
    raw: false,
    patchDocumentOnRequest: (request: unknown) =>
      readingView(document(), { origin: originOf(request as IncomingMessage), auth }),
    customSiteTitle: 'Parley API',
    customCss: SWAGGER_CSS,
    swaggerOptions: {
      persistAuthorization: true,
      displayRequestDuration: true,
      deepLinking: true,
      docExpansion: 'list',
      defaultModelsExpandDepth: 0,
      requestInterceptor: showFirstEvents,
    },
  });
}

/** An operation is to be read on one screen: tables are of text, commands are whole, and nothing stands there that says nothing. */
const SWAGGER_CSS = `
  .swagger-ui .renderedMarkdown table { max-width: none; }
  .swagger-ui .renderedMarkdown td, .swagger-ui .renderedMarkdown th { padding: 1px 12px 1px 0; font-size: 12px; vertical-align: top; }
  .swagger-ui .renderedMarkdown td:first-of-type { width: auto; min-width: 0; padding: 1px 12px 1px 0; }
  .swagger-ui .renderedMarkdown pre { white-space: pre-wrap; margin: 0; }
  .swagger-ui .opblock-body .renderedMarkdown p { font-size: 13px; margin: 0 0 4px; }
  .swagger-ui .opblock-body .renderedMarkdown code { font-size: 12px; padding: 0 3px; }
  .swagger-ui .opblock-description-wrapper { padding: 8px 20px; }
  .swagger-ui .opblock .opblock-section-header { min-height: 0; padding: 4px 20px; }
  .swagger-ui .opblock .opblock-section-header h4 { padding: 6px 0; }
  .swagger-ui .parameters-container, .swagger-ui .responses-inner { padding: 4px 20px; }
  .swagger-ui .parameters thead, .swagger-ui .responses-table thead, .swagger-ui .response-col_links { display: none; }
  .swagger-ui table.parameters > tbody > tr > td, .swagger-ui table.responses-table > tbody > tr > td { padding: 4px 0; }
  .swagger-ui .parameter__name { font-size: 13px; margin-right: 12px; }
  .swagger-ui .parameter__type { padding: 0; }
  .swagger-ui .parameter__type, .swagger-ui .parameter__in { display: inline; margin-right: 4px; }
  .swagger-ui .parameters-col_description { display: grid; grid-template-columns: minmax(0, 1fr) 300px; column-gap: 20px; align-items: start; margin: 0; }
  .swagger-ui .parameters-col_description > * { grid-column: 1; margin: 0; }
  .swagger-ui .parameters-col_description > input, .swagger-ui .parameters-col_description > select,
  .swagger-ui .parameters-col_description > div:not([class]) { grid-column: 2; grid-row: 1 / span 3; width: 300px; max-width: none; }
  .swagger-ui .parameters-col_description input, .swagger-ui .parameters-col_description select { margin: 0; padding: 4px 8px; max-width: none; width: 100%; }
  .swagger-ui .opblock-section-request-body > div:not(.opblock-section-header) { padding: 4px 20px; }
  .swagger-ui .model-example { margin-top: 0; }
  .swagger-ui .highlight-code > .microlight { min-height: 0; }
  .swagger-ui .response-controls { padding-top: 0; }
  .swagger-ui .response-control-media-type:has(option:only-child) { display: none; }
  .swagger-ui ul.tab { margin: 4px 0; }
  .swagger-ui .opblock-body .table-container { padding: 0; }
  .swagger-ui .parameter__deprecated:empty, .swagger-ui .opblock-body .execute-wrapper:empty { display: none; }
`;

/** As a browser names it, for commands that are pasted. */
function originOf(request: IncomingMessage): string {
  const { host = '' } = request.headers;
  const isSecure = request.headers['x-forwarded-proto'] === 'https';
  return /^[A-Za-z0-9.:[\]-]+$/.test(host)
    ? `${isSecure ? 'https' : 'http'}://${host}`
    : 'http://127.0.0.1:3000';
}

/** What the page loads. Its package would be served whole otherwise, with its version and source maps. */
const SWAGGER_FILES = new Set([
  '/',
  '/swagger-ui.css',
  '/swagger-ui-bundle.js',
  '/swagger-ui-standalone-preset.js',
  '/swagger-ui-init.js',
  '/favicon-16x16.png',
  '/favicon-32x32.png',
]);

function onlySwaggerFiles(
  request: IncomingMessage & { path: string },
  response: ServerResponse,
  next: NextFunction,
): void {
  if (SWAGGER_FILES.has(request.path)) return next();
  sendProblem(request, response, noRouteFor(request));
}

function serveRedoc(app: INestApplication): void {
  const adapter = app.getHttpAdapter();
  let bundle: string | undefined;
  adapter.get(
    REDOC_URL,
    send('text/html; charset=utf-8', () => REDOC_PAGE),
  );
  adapter.get(
    `${REDOC_URL}/init.js`,
    send('text/javascript; charset=utf-8', () => REDOC_SCRIPT),
  );
  adapter.get(
    `${REDOC_URL}/${REDOC_BUNDLE}`,
    send('text/javascript; charset=utf-8', () => (bundle ??= readRedocBundle())),
  );
}

/** For people who type what they know of other services. */
function redirect(app: INestApplication, from: string, to: string): void {
  app.getHttpAdapter().get(from, (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(302, { Location: to }).end();
  });
}

function send(type: string, body: () => string) {
  return (_request: IncomingMessage, response: ServerResponse) => {
    response.setHeader('Content-Type', type);
    response.end(body());
  };
}

/** ReDoc would show a logo from its maker's CDN, which our policy blocks with an error in the console. */
function readRedocBundle(): string {
  return readFileSync(redocBundlePath(), 'utf8').replace(REDOC_LOGO, NO_IMAGE);
}

/** The build puts the bundle beside the code; where nothing was built, it comes from the package. */
function redocBundlePath(): string {
  const built = join(__dirname, '../../../assets', REDOC_BUNDLE);
  return existsSync(built) ? built : createRequire(__filename).resolve(`redoc/bundles/${REDOC_BUNDLE}`);
}

const REDOC_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Parley API</title>
    <link rel="icon" type="image/png" href="${SWAGGER_URL}/favicon-32x32.png">
    <style>body { margin: 0; }</style>
  </head>
  <body>
    <div id="redoc"></div>
    <script src="${REDOC_URL}/${REDOC_BUNDLE}"></script>
    <script src="${REDOC_URL}/init.js"></script>
  </body>
</html>
`;

const SYSTEM_FONT = 'system-ui, sans-serif';
const REDOC_OPTIONS = {
  requiredPropsFirst: true,
  theme: { typography: { fontFamily: SYSTEM_FONT, headings: { fontFamily: SYSTEM_FONT } } },
};
const REDOC_SCRIPT = `Redoc.init('${DOCUMENT_URL}', ${JSON.stringify(REDOC_OPTIONS)}, document.getElementById('redoc'));\n`;
