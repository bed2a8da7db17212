import type { IncomingMessage } from 'node:http';

export const BEARER = 'Bearer realm="parley"';
/** Longer ones are refused unread. */
const MAX_LENGTH = 8 * 1024;
const CREDENTIAL = /^Bearer ([A-Za-z0-9._-]+)$/i;

/**
 * The token of `Authorization: Bearer`. Undefined without the header, null for one that is anything else: twice, another scheme,
 * more than one token, spaces.
 */
export function bearerToken(request: IncomingMessage): string | null | undefined {
  const values = request.headersDistinct.authorization;
  if (!values) return undefined;
  const [value] = values;
  if (values.length > 1 || value.length > MAX_LENGTH) return null;
  const token = CREDENTIAL.exec(value)?.[1];
  return token !== undefined && isCanonical(token) ? token : null;
}

/** Of several ways to write the same bytes only one is taken, so that a token is one text. */
function isCanonical(token: string): boolean {
  const parts = token.split('.');
  return (
    parts.length === 1 || parts.every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
  );
}
