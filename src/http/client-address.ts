import type { IncomingMessage, ServerResponse } from 'node:http';
import { type BlockList, isIP } from 'node:net';
import type { HttpConfig } from '../config/app-config';
import { isInBlockList, rangesToBlockList } from '../config/network';
import { hasValidSharedSecret } from './shared-secret';

export type LocatedRequest = IncomingMessage & { clientAddress?: string };

/** Finds out where requests come from, before anything else wants to know. */
export function locateClient({
  trustedProxies,
  proxySecret,
}: Pick<HttpConfig, 'trustedProxies' | 'proxySecret'>) {
  const proxies = rangesToBlockList(trustedProxies);
  return (request: LocatedRequest, _response: ServerResponse, next: () => void): void => {
    const fromGateway = proxySecret !== undefined && hasValidSharedSecret(request, proxySecret);
    request.clientAddress = clientAddress(request, proxies, fromGateway);
    next();
  };
}

/**
 * The address of the client. What a proxy says in `X-Forwarded-For` counts only as far as the proxies are trusted: read from the
 * right, the first address that is not one of theirs. Undefined if only proxies are to be seen.
 */
function clientAddress(
  request: IncomingMessage,
  proxies: BlockList,
  fromGateway: boolean,
): string | undefined {
  const peer = plain(request.socket.remoteAddress);
  const hops = (request.headersDistinct['x-forwarded-for'] ?? []).join(',').split(',').map(plain);
  const path = [...hops.filter((hop) => hop !== undefined), ...(fromGateway ? [] : [peer])].toReversed();
  return path.find((address) => !isInBlockList(proxies, address));
}

/** Whom limits of networks count: undefined where only proxies are to be seen, who stand for everybody. */
export function networkOfClient(request: LocatedRequest): string | undefined {
  return request.clientAddress === undefined ? undefined : networkOf(request.clientAddress);
}

/** Clients with IPv6 have a whole network of addresses, so that network counts as one. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head, tail = ''] = address.split('::');
  const groups = head.split(':').filter(Boolean);
  const missing = address.includes('::') ? 8 - groups.length - tail.split(':').filter(Boolean).length : 0;
  const all = [...groups, ...Array<string>(missing).fill('0'), ...tail.split(':').filter(Boolean)];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

function plain(text: string | undefined): string | undefined {
  const address = (text ?? '')
    .trim()
    .replace(/^\[(.*)\](?::\d+)?$/, '$1')
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
    .replace(/^::ffff:(?=\d+\.)/i, '')
    .replace(/%.*$/, '');
  return isIP(address) ? address : undefined;
}
