import type { IncomingMessage } from 'node:http';
import type { HttpConfig } from '../config/app-config';
import { isLoopbackHost } from '../config/network';
import { hostOf } from './page-origin';

type Known = Pick<HttpConfig, 'publicUrl' | 'host' | 'port'>;

/** Where people reach the service, without a slash at the end: `PUBLIC_URL`, else what whoever asks calls it. For answers to that request only. */
export function publicUrlFor({ headers }: IncomingMessage, known: Known): string {
  if (known.publicUrl !== undefined || !headers.host) return publicUrlOf(known);
  const { host, origin } = headers;
  return origin !== undefined && hostOf(origin) === host.toLowerCase() ? origin : `http://${host}`;
}

/**
 * The same where others will follow the link: what a stranger's request calls the service is not believed, unless it is a name of this
 * machine and comes from it.
 */
export function publicUrlForMail(request: IncomingMessage, known: Known): string {
  const host = request.headers.host?.toLowerCase() ?? '';
  const isOwn =
    isLoopbackHost(host.replace(/:\d*$/, '')) && isLoopbackHost(request.socket.remoteAddress ?? '');
  return isOwn ? publicUrlFor(request, known) : publicUrlOf(known);
}

/** The same outside of requests. */
export function publicUrlOf({ publicUrl, host, port }: Known): string {
  return publicUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The page's address for choosing a new password. */
export function resetLink(url: string, token: string): string {
  return `${url}/#/reset/${token}`;
}
