import { isIP } from 'node:net';
import { OUTBOUND_BOUNDS } from '../config/bounds';
import { TooManyLookups } from './lookup-queue';
import { isPublicAddress } from './public-address';
import type { Resolve } from './user-names';

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
 * @throws {TooManyLookups}
 */
export async function outboundUrlProblem(
  text: string,
  allowed: readonly string[],
  resolve: Resolve,
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
  return hostProblem(url.hostname, resolve);
}

async function hostProblem(hostname: string, resolve: Resolve): Promise<string | undefined> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  try {
    const addresses = isIP(literal) ? [{ address: literal }] : await resolve(hostname);
    return addresses.every(({ address }) => isPublicAddress(address))
      ? undefined
      : 'must be a public address';
  } catch (error) {
    if (error instanceof TooManyLookups) throw error;
    // A name that does not exist and one of a private address get the same answer, so that nobody can ask which names there are.
    return (error as NodeJS.ErrnoException).code === 'ETIMEOUT'
      ? `must have a host name that is resolved within ${OUTBOUND_BOUNDS.lookupTime.limit / 1000} s`
      : 'must be a public address';
  }
}
