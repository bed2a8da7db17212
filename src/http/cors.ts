import type { CorsOptions } from '@nestjs/common/interfaces/external/cors-options.interface';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Undefined without allowed origins: then browsers of other origins get no permission at all. */
export function corsOptions(origins: readonly string[]): CorsOptions | undefined {
  if (origins.length === 0) return undefined;
  const anyone = origins.includes('*');
  return {
    origin: anyone ? '*' : [...origins],
    credentials: !anyone,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [
      'Accept',
      'Authorization',
      'Cache-Control',
      'Content-Type',
      'Idempotency-Key',
      'If-Match',
      'Last-Event-ID',
      'X-Request-Id',
      'X-User-ID',
    ],
    exposedHeaders: [
      'Content-Location',
      'ETag',
      'RateLimit',
      'RateLimit-Policy',
      'Retry-After',
      'X-Request-Id',
    ],
    maxAge: 600,
    // `answerPreflight` does, once the limits have counted it.
    preflightContinue: true,
  };
}

/** Safari waits for a body unless it is told that there is none. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  if (request.method !== 'OPTIONS') return next();
  response.writeHead(204, { 'Content-Length': '0' }).end();
}
