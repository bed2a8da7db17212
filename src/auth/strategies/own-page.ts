import type { IncomingMessage } from 'node:http';
import type { HttpConfig } from '../../config/app-config';
import { isLoopbackHost } from '../../config/network';
import { isOfAllowedOrigin } from '../../http/page-origin';

type Allowed = Pick<HttpConfig, 'allowedHosts' | 'corsOrigins'>;

const PORT = /:\d*$/;

/**
 * Whether a request that carries no identity comes from this machine, and from no page but ours or one that may call us. A browser on this
 * machine lets every page send requests here, and tells by `Origin` and `Sec-Fetch-Site` which one did; a foreign name that was made to
 * resolve to this machine is told by `Host`. A program sends neither of the first two.
 */
export function isOfOwnPage(request: IncomingMessage, allowed: Allowed): boolean {
  const name = request.headers.host?.toLowerCase().replace(PORT, '');
  if (!name || !(isLoopbackHost(name) || allowed.allowedHosts.includes(name))) return false;
  return isOfAllowedOrigin(request, allowed.corsOrigins);
}
