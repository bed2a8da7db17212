import { vendorAt } from './vendors';

/** What belongs to a single request, and is put behind the base URL by whoever makes it. */
const ENDPOINT = /\/((chat\/)?completions|responses|embeddings|messages)$/;
const VERSION = /\/v\d/;

/** The endpoint that a base URL ends with, e.g. `/chat/completions`, and the base URL without it. */
export function pastedEndpoint(baseUrl: string): { endpoint: string; without: string } | undefined {
  const [endpoint] = ENDPOINT.exec(baseUrl) ?? [];
  // Pasted twice, it is there twice.
  return endpoint === undefined ? undefined : { endpoint, without: withoutEndpoints(baseUrl) };
}

/** The base URL that the documentation of a known provider has in place of this one. */
export function documentedUrl(baseUrl: string): string | undefined {
  const url = new URL(baseUrl);
  const paths = vendorAt(url)?.paths ?? [];
  const path = url.pathname.replace(/\/+$/, '');
  const isRight = paths.some((right) =>
    right.endsWith('*') ? path.startsWith(right.slice(0, -1)) : path === right,
  );
  return paths.length === 0 || isRight ? undefined : `${url.origin}${paths[0]}`;
}

/** Base URLs that may have been meant, likely ones first: all on the same origin, for which alone the key is meant. */
export function likelyBaseUrls(baseUrl: string): string[] {
  const plain = withoutEndpoints(baseUrl);
  const candidates = [
    documentedUrl(plain),
    plain,
    plain.replace(/\/models$/, ''),
    VERSION.test(plain) ? undefined : `${plain}/v1`,
  ];
  return [...new Set(candidates)].filter((url) => url !== undefined && url !== baseUrl) as string[];
}

function withoutEndpoints(baseUrl: string): string {
  let url = baseUrl.replace(/\/+$/, '');
  while (ENDPOINT.test(url)) url = url.replace(ENDPOINT, '');
  return url;
}
