import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Whether the request comes from the gateway that knows the secret. */
export function hasValidSharedSecret({ headersDistinct }: IncomingMessage, secret: string): boolean {
  const offered = headersDistinct['x-proxy-secret'];
  return offered?.length === 1 && isSame(offered[0], secret);
}

/** Whether `Authorization` holds this token, once. */
export function hasBearerToken({ headersDistinct }: IncomingMessage, token: string): boolean {
  const [offered, ...others] = headersDistinct.authorization ?? [];
  return offered !== undefined && others.length === 0 && isSame(offered, `Bearer ${token}`);
}

/** In constant time; the digests make both sides equally long. */
function isSame(...texts: [string, string]): boolean {
  const [offered, expected] = texts.map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(offered, expected);
}
