import type { IncomingMessage } from 'node:http';
import type { HttpConfig } from '../../config/app-config';
import { isLoopbackHost } from '../../config/network';

type Allowed = Pick<HttpConfig, 'allowedHosts' | 'corsOrigins'>;

/** What browsers say of requests that no other page has made. */
const OWN_SITES = new Set(['same-origin', 'none']);
const PORT = /:\d*$/;

/**
 * Whether a request that carries no identity comes from this machine, and from no page but ours or one that may call us. A browser on this
 * machine lets every page send requests here, and tells by `Origin` and `Sec-Fetch-Site` which one did; a foreign name that was made to
 * resolve to this machine is told by `Host`. A program sends neither of the first two.
 */
export function isOfOwnPage({ headers, headersDistinct }: IncomingMessage, allowed: Allowed): boolean {
  const host = headers.host?.toLowerCase();
  const name = host?.replace(PORT, '');
  if (!name || !(isLoopbackHost(name) || allowed.allowedHosts.includes(name))) return false;
  const origins = headersDistinct.origin ?? [];
  const sites = headersDistinct['sec-fetch-site'] ?? [];
  if (origins.length > 1 || sites.length > 1) return false;
  const [origin] = origins;
  if (origin !== undefined && isAllowed(origin, allowed)) return true;
  const [site] = sites;
  return (origin === undefined || hostOf(origin) === host) && (site === undefined || OWN_SITES.has(site));
}

function isAllowed(origin: string, { corsOrigins: origins }: Allowed): boolean {
  return origins.includes(origin) || origins.includes('*');
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
