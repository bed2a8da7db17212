import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { pageSecurityHeaders } from './security-headers';

type Next = (error?: unknown) => void;

/** `npm run build` puts it beside the code; what runs from its sources finds what was built last. */
const FOLDER = ['../../web', '../../dist/web']
  .map((up) => join(__dirname, up))
  .find((folder) => existsSync(join(folder, 'assets')));
const INDEX = 'index.html';
/** Their names say what is in them. */
const HASHED = /^assets\//;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** Of the files beside each that the build has compressed, best first. */
const ENCODINGS = [
  { name: 'br', extension: '.br' },
  { name: 'gzip', extension: '.gz' },
] as const;

/** The service runs without it as well: a start from the sources, before anything was built. */
export function pageIsBuilt(): boolean {
  return FOLDER !== undefined;
}

/**
 * Serves the built-in page at `/`: exactly the files that the build has made. Browsers keep those whose names have a digest, and ask for the
 * document each time.
 */
export function servePage(app: NestExpressApplication): void {
  const folder = FOLDER ?? '';
  const files = new Set(
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => extname(name) in TYPES),
  );
  const headers = pageSecurityHeaders();
  app.use((request: IncomingMessage, response: ServerResponse, next: Next) => {
    const path = (request.url ?? '').replace(/[?#].*$/s, '').slice(1);
    const name = path === '' ? INDEX : path;
    if (!files.has(name) || (request.method !== 'GET' && request.method !== 'HEAD')) return next();
    void send(name);

    async function send(file: string): Promise<void> {
      try {
        const encoding = encodingFor(request, folder, file);
        const body = await readFile(join(folder, file + (encoding?.extension ?? '')));
        const isHashed = HASHED.test(file);
        response.writeHead(200, {
          ...headers,
          'Content-Type': TYPES[extname(file)],
          'Content-Length': body.length,
          'Cache-Control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
          Vary: 'Accept-Encoding',
          ...(encoding ? { 'Content-Encoding': encoding.name } : {}),
        });
        response.end(request.method === 'HEAD' ? undefined : body);
      } catch (error) {
        next(error);
      }
    }
  });
}

function encodingFor({ headers }: IncomingMessage, folder: string, file: string) {
  const accepted = headers['accept-encoding']?.toString() ?? '';
  return ENCODINGS.find(
    ({ name, extension }) =>
      new RegExp(`\\b${name}\\b(?!;\\s*q=0(?:\\.0+)?\\b)`).test(accepted) &&
      existsSync(join(folder, file + extension)),
  );
}
