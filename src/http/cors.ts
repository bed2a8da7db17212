import type { CorsOptions } from '@nestjs/common/interfaces/external/cors-options.interface';

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
  };
}
