import { lookup as lookUp, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import { type Agent, buildConnector } from 'undici';
import { isAllowedHost } from './outbound-url';
import { isPublicAddress } from './public-address';

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;
export type Resolve = (
  hostname: string,
  options: { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Connects to public addresses only, and to hosts that are allowed. The addresses that are checked are those that are connected
 * to: a name that means something else a moment later changes nothing.
 */
export function guardedConnector(
  timeout: number,
  allowed: readonly string[],
  resolve: Resolve = lookUp,
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
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    resolve(hostname, { all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      if (addresses.length === 0 || !addresses.every(({ address }) => isPublicAddress(address)))
        return callback(notAllowed(), []);
      if (options.all) callback(null, addresses);
      else callback(null, addresses[0].address, addresses[0].family);
    });
  };
}

function notAllowed(): NodeJS.ErrnoException {
  return Object.assign(new Error('This address may not be called.'), { code: 'ADDRESS_NOT_ALLOWED' });
}
