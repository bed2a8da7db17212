import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isPublicAddress } from './public-address';

const MAX_LENGTH = 2048;
const HTTPS_PORTS = new Set(['', '443', '8443']);

/** `host` and `host:port`, as an operator may have written them. */
export function isAllowedHost({ hostname, host, port, protocol }: URL, allowed: readonly string[]): boolean {
  const name = hostname.replace(/\.$/, '');
  const withPort = port ? host : `${host}:${protocol === 'https:' ? 443 : 80}`;
  return allowed.includes(name) || allowed.includes(withPort);
}

/**
 * Why a user may not have this address called; undefined if they may. Names are looked up, but not relied on: the
 * connection checks once more where it goes (`guarded-connector.ts`).
 */
export async function outboundUrlProblem(
  text: string,
  allowed: readonly string[],
): Promise<string | undefined> {
  // What the parser would silently drop or take for something else.
  if (text.length > MAX_LENGTH || /[\s\\\p{C}]/u.test(text)) return 'must be a plain URL';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) return 'must begin with https://';
  if (url.username || url.password || text.includes('@')) return 'must not contain credentials';
  if (url.search || url.hash || /[?#]/.test(text)) return 'must not have a query or a fragment';
  if (isAllowedHost(url, allowed)) return undefined;
  if (url.protocol !== 'https:') return 'must begin with https://';
  if (!HTTPS_PORTS.has(url.port)) return 'must not name this port';
  return (await isPublicHost(url.hostname)) ? undefined : 'must be a public address';
}

async function isPublicHost(hostname: string): Promise<boolean> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(literal)) return isPublicAddress(literal);
  try {
    const addresses = await lookup(hostname, { all: true });
    return addresses.length > 0 && addresses.every(({ address }) => isPublicAddress(address));
  } catch {
    return false;
  }
}
