import type { IncomingMessage } from 'node:http';

/** What browsers say of requests that no other page has made. */
const OWN_SITES = new Set(['same-origin', 'none']);

/**
 * Whether no page of a foreign origin has sent the request: a browser says so by `Origin` and `Sec-Fetch-Site`, other programs send neither.
 * @param origins whose pages may call besides our own; `*` stands for all
 */
export function isOfAllowedOrigin(
  { headers, headersDistinct }: IncomingMessage,
  origins: readonly string[],
): boolean {
  const given = headersDistinct.origin ?? [];
  const sites = headersDistinct['sec-fetch-site'] ?? [];
  if (given.length > 1 || sites.length > 1) return false;
  const [origin] = given;
  if (origin !== undefined && (origins.includes(origin) || origins.includes('*'))) return true;
  const [site] = sites;
  const isOwn = origin === undefined || hostOf(origin) === headers.host?.toLowerCase();
  return isOwn && (site === undefined || OWN_SITES.has(site));
}

/** Of an origin, with its port if that is not the usual one. */
export function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
