import { isLoopbackHost } from '../../config/network';
import type { FailedCheck } from './failed-check';

/** The network's own codes, and what they mean for whoever has written the address. The first that fits counts. */
const CODES: readonly [RegExp, (url: URL, isGuarded: boolean) => string][] = [
  [/^ECONNREFUSED$/, refused],
  [
    /^(ENOTFOUND|EAI_AGAIN|ENODATA|ESERVFAIL)$/,
    ({ hostname }) =>
      `The host name ${hostname} is not known: look for a typing error, or at the name servers.`,
  ],
  [
    /^ETIMEOUT$/,
    ({ hostname }) => `The host name ${hostname} is not answered for in time: look at its name servers.`,
  ],
  [
    /^ADDRESS_NOT_ALLOWED$/,
    ({ hostname }) =>
      `${hostname} is no name or address of a public host: look for a typing error, or have the operator allow it (PROVIDER_ALLOWED_HOSTS).`,
  ],
  [/^TOO_MANY_LOOKUPS$/, () => 'Too many host names are being looked up: try again in a moment.'],
  [/CERT_HAS_EXPIRED/, ({ host }) => `The certificate of ${host} has expired.`],
  [/ALTNAME/, ({ host }) => `The certificate of ${host} is for another name: use the name that it is for.`],
  [
    /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/,
    ({ host }) =>
      `The certificate of ${host} is not trusted: name the file of who has signed it in NODE_EXTRA_CA_CERTS.`,
  ],
  [
    /SSL|^EPROTO$/,
    ({ host }) => `${host} does not speak TLS at this port: try http:// in place of https://.`,
  ],
  [
    /^HPE_|^ECONNRESET$|^UND_ERR_SOCKET$|^EPIPE$/,
    ({ host, protocol }) =>
      `${host} closes the connection${protocol === 'http:' ? ': try https:// in place of http://, or another port.' : ', or does not speak HTTP.'}`,
  ],
  [
    /TIMEOUT|ETIMEDOUT|UNREACH/,
    ({ host }) => `There is no way to ${host}: look at firewalls, proxies (which are not used) and the port.`,
  ],
];

/** What keeps us from the provider, where nothing of it has answered. */
export function networkAdvice({ provider, error: { code, detail } }: FailedCheck): string | undefined {
  const { baseUrl = '', guarded } = provider;
  const { status, reason = '' } = detail ?? {};
  if (status !== undefined || !['provider_unreachable', 'provider_timeout'].includes(code)) return undefined;
  const known = CODES.find(([pattern]) => pattern.test(reason));
  return known?.[1](new URL(baseUrl), guarded !== undefined);
}

function refused({ hostname, host, port, protocol, pathname }: URL, isGuarded: boolean): string {
  const nothing = `Nothing listens at ${host}`;
  if (hostname === 'host.docker.internal')
    return `${nothing}: a server on the machine itself must listen on more than 127.0.0.1 (Ollama: OLLAMA_HOST=0.0.0.0).`;
  if (!isLoopbackHost(hostname.replace(/^\[(.*)\]$/, '$1')) || isGuarded)
    return `${nothing}: look at the port, and whether the server runs.`;
  const outside = `${protocol}//host.docker.internal${port && `:${port}`}${pathname}`;
  return `${nothing}: does the server run? From within a container this address is the container itself: use ${outside}`;
}
