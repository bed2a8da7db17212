import type { IncomingMessage } from 'node:http';

export const BEARER = 'Bearer realm="parley"';
/** Longer ones are refused unread. */
const MAX_LENGTH = 8 * 1024;
const CREDENTIAL = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i;

/**
 * The token of `Authorization: Bearer`. Undefined without the header, null for one that is anything else: twice, another scheme,
 * more than one token, spaces.
 */
export function bearerToken(request: IncomingMessage): string | null | undefined {
  const values = request.headersDistinct.authorization;
  if (!values) return undefined;
  const [value] = values;
  if (values.length > 1 || value.length > MAX_LENGTH) return null;
  return CREDENTIAL.exec(value)?.[1] ?? null;
}
