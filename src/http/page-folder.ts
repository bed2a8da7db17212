import { realpath, stat } from 'node:fs/promises';
import { realpathSync } from 'node:fs';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { join, relative, sep } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import serveStatic from 'serve-static';
import { API_PREFIX } from './api-prefix';

type Next = (error?: unknown) => void;

/** What the folder can hold nothing of, in any case of letters, as routes are. */
const RESERVED = /^\/(?:api|health)(?:\/|$)/i;

/**
 * Serves the files of the operator's own folder at `/`. None whose name, or that of a folder on its way, begins with a dot; none to which a
 * link leads out of the folder; nothing that is no plain file. A page says itself what it may load, so it has no content security policy of ours.
 */
export function servePageFolder(app: NestExpressApplication, folder: string): void {
  const root = realpathSync(folder);
  const serve = serveStatic(root, { dotfiles: 'ignore', setHeaders: asPage });
  app.use((request: IncomingMessage, response: ServerResponse, next: Next) => {
    const path = decodeURIComponent((request.url ?? '').replace(/[?#].*$/s, ''));
    if (RESERVED.test(path)) return next();
    void serveIfThere();

    async function serveIfThere(): Promise<void> {
      if (await isServable(root, path)) serve(request, response, (error) => endOr(next, response, error));
      else next();
    }
  });
}

/** Where nothing else is at `/`, whoever comes to `/` wants to know what this is. */
export function redirectToDocs(app: INestApplication): void {
  app.getHttpAdapter().get('/', (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(302, { Location: `/${API_PREFIX}/docs` }).end();
  });
}

/** What a condition or a range of the request comes to is said by the status alone; anything else is for `next`. */
function endOr(next: Next, response: ServerResponse, error: unknown): void {
  const { statusCode, headers } = (error ?? {}) as { statusCode?: number; headers?: OutgoingHttpHeaders };
  if (statusCode === 412 || statusCode === 416)
    response.writeHead(statusCode, { ...headers, 'Content-Length': 0 }).end();
  else next(error);
}

/** `no-store` is for data: a file may be kept, as long as it is asked for whether it has changed. */
function asPage(response: ServerResponse): void {
  response.removeHeader('Content-Security-Policy');
  response.removeHeader('Cache-Control');
}

async function isServable(root: string, path: string): Promise<boolean> {
  try {
    const target = await realpath(join(root, path.endsWith('/') ? `${path}index.html` : path));
    const inside = relative(root, target).split(sep);
    // Out of the folder by a link, or to what is hidden in it.
    if (inside.some((name) => name.startsWith('.'))) return false;
    const found = await stat(target);
    return found.isFile() || found.isDirectory();
  } catch {
    // Nothing is there, or it may not be read.
    return false;
  }
}
