import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import { callbackify } from 'node:util';
import { type Agent, buildConnector } from 'undici';
import { TooManyLookups } from './lookup-queue';
import { isAllowedHost } from './outbound-url';
import { isPublicAddress } from './public-address';
import type { Resolve } from './user-names';

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * Connects to public addresses only, and to hosts that are allowed, which the system looks up. The addresses that are checked are
 * those that are connected to: a name that means something else a moment later changes nothing.
 */
export function guardedConnector(
  timeout: number,
  allowed: readonly string[],
  resolve: Resolve,
): Extract<Agent.Options['connect'], (...args: never[]) => unknown> {
  const open = buildConnector({ timeout, allowH2: false });
  const guarded = buildConnector({ timeout, allowH2: false, lookup: publicLookup(resolve) });
  return (options, callback) => {
    const { protocol, port } = options;
    const literal = options.hostname.replace(/^\[(.*)\]$/, '$1');
    const host = literal.includes(':') ? `[${literal}]` : literal;
    const url = new URL(`${protocol}//${host}${port ? `:${port}` : ''}`);
    if (isAllowedHost(url, allowed)) return open(options, callback);
    // Nobody looks an address up, so that nobody would check it.
    if (isIP(literal) && !isPublicAddress(literal)) return callback(notAllowed(), null);
    return guarded(options, callback);
  };
}

function publicLookup(resolve: Resolve) {
  const lookUp = callbackify(async (hostname: string) => {
    const addresses = await resolve(hostname).catch(asNotAllowed);
    if (addresses.length === 0 || !addresses.every(({ address }) => isPublicAddress(address)))
      throw notAllowed();
    return addresses;
  });
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void =>
    lookUp(hostname, (error, addresses) => {
      if (error) callback(error, []);
      else if (options.all) callback(null, addresses);
      else callback(null, addresses[0].address, addresses[0].family);
    });
}

/** As `outboundUrlProblem`: a name that does not exist and one of a private address fail alike, so that nobody can ask which there are. */
function asNotAllowed(error: NodeJS.ErrnoException): never {
  throw error instanceof TooManyLookups || error.code === 'ETIMEOUT' ? error : notAllowed();
}

function notAllowed(): NodeJS.ErrnoException {
  return Object.assign(new Error('This address may not be called.'), { code: 'ADDRESS_NOT_ALLOWED' });
}
