import type { IncomingMessage, ServerResponse } from 'node:http';
import { isHealthCheck } from './health-paths';
import { invalidRequest } from './http-errors';

const PORT = /:\d*$/;
/** What no host name holds, but what two of them in one field do. */
const SEPARATOR = /[\s,]/;

export const hostNotAllowed = () =>
  invalidRequest(
    'host_not_allowed',
    'The service does not answer to this name. It is told its names by ALLOWED_HOSTS; a gateway in front of one on loopback proves itself by AUTH_PROXY_SECRET or AUTH_TRUSTED_PROXIES.',
  );

export const invalidHost = () =>
  invalidRequest('invalid_host', 'A request names its host, and once (RFC 9112, section 3.2).');

/**
 * Refuses names that the service was not told to have. A browser can be made to take us for a foreign page's own server, by a name that
 * resolves to 127.0.0.1, and only `Host` tells. Whoever sends none is no browser. Health checks are answered under any name.
 * @throws {AppError} `host_not_allowed`, `invalid_host`
 */
export function checkHost(request: IncomingMessage, allowed: readonly string[]): void {
  const [host, ...others] = request.headersDistinct.host ?? [];
  // Of two a proxy may have looked at the other one.
  if (others.length > 0 || (host === undefined && request.httpVersion === '1.1')) throw invalidHost();
  if (host !== undefined && SEPARATOR.test(host)) throw invalidHost();
  if (allowed.length === 0 || host === undefined || isHealthCheck(request.url)) return;
  if (!allowed.includes(host.toLowerCase().replace(PORT, ''))) throw hostNotAllowed();
}

export function onlyForHosts(allowed: readonly string[]) {
  return (request: IncomingMessage, _response: ServerResponse, next: () => void): void => {
    checkHost(request, allowed);
    next();
  };
}
