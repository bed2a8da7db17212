import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';

type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** For answers that are data: a browser that is tricked into showing one may do nothing with it. */
export function apiSecurityHeaders(): Middleware {
  const secure = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
    },
    crossOriginResourcePolicy: { policy: 'same-site' },
  });
  const headers = headersOf(secure);
  return (_request, response, next) => {
    response.setHeader('Cache-Control', 'no-store');
    for (const [name, value] of headers) response.setHeader(name, value);
    next();
  };
}

/** What a middleware sets that sets the same on every answer: composing it each time is a good part of what a refusal costs. */
function headersOf(middleware: Middleware): [string, string][] {
  const headers: [string, string][] = [];
  const recorder = {
    setHeader: (name: string, value: string) => headers.push([name, value]),
    removeHeader: () => undefined,
  };
  middleware({} as IncomingMessage, recorder as unknown as ServerResponse, () => undefined);
  return headers;
}

/** Swagger UI and ReDoc are pages of ours with styles in attributes and, in ReDoc's case, a worker made from a blob. */
export function docsSecurityHeaders(): Middleware {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'", "'unsafe-inline'"],
        'img-src': ["'self'", 'data:'],
        'font-src': ["'self'", 'data:'],
        'connect-src': ["'self'"],
        'worker-src': ["'self'", 'blob:'],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
        'frame-ancestors': ["'none'"],
      },
    },
  });
}

/** The page loads its own files and nothing else. Styles that its scripts set on elements are no inline styles. */
export function pageSecurityHeaders(): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return { 'Content-Security-Policy': policy.join('; ') };
}

/** Nothing here may answer 304 to a client that did not ask for it by its own `ETag` logic: Express would, from this header. */
export function ignoreConditionalGet(
  request: IncomingMessage,
  _response: ServerResponse,
  next: () => void,
): void {
  delete request.headers['if-none-match'];
  delete request.headers['if-modified-since'];
  next();
}
