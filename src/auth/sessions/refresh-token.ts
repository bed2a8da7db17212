import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Which session (16 bytes), the secret (32), and a tag (16), which tokens of earlier versions lack; each in base64url. */
const TOKEN = /^(prt_([A-Za-z0-9_-]{22})[A-Za-z0-9_-]{43})([A-Za-z0-9_-]{22})?$/;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** The tokens of a session, of which one is current; each is made from the one before it. */
export interface TokenFamily {
  /** SHA-256 of the current token. */
  refresh_hash: Buffer;
  /** Tags tokens, so that one which was spent long ago is told from one that never was; null if none has a tag yet. */
  token_key: Buffer | null;
  /** What the current token was made with from the one before it; null for a session's first. */
  salt: Buffer | null;
}

/** A token that names its session. */
export interface RefreshToken {
  text: string;
  sessionId: string;
  hash: Buffer;
  /** Up to the tag. */
  body: string;
  tag?: string;
}

/** Which token of a family one is; `foreign`: none of them, as far as can be known. */
export type TokenGeneration = 'current' | 'previous' | 'older' | 'foreign';

export function newKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

export function firstToken(sessionId: string, key: Buffer): RefreshToken {
  const id = Buffer.from(sessionId.replaceAll('-', ''), 'hex').toString('base64url');
  return tokenOf(id, sessionId, randomBytes(32), key);
}

/**
 * The token that follows this one: always the same for the same salt, and to be made by nobody who has not both, the token, which is
 * nowhere stored, and the salt, which no client ever sees.
 */
export function successorOf(spent: RefreshToken, salt: Buffer, key: Buffer): RefreshToken {
  const secret = createHmac('sha256', salt).update(spent.text).digest();
  return tokenOf(spent.body.slice(4, 26), spent.sessionId, secret, key);
}

export function parseRefreshToken(text: string): RefreshToken | undefined {
  const [, body, id, tag] = TOKEN.exec(text) ?? [];
  if (!id) return undefined;
  const hex = Buffer.from(id, 'base64url').toString('hex');
  const sessionId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { text, sessionId, hash: hashOf(text), body, ...(tag && { tag }) };
}

export function generationOf(family: TokenFamily, token: RefreshToken): TokenGeneration {
  const { refresh_hash, token_key, salt } = family;
  if (token.hash.equals(refresh_hash)) return 'current';
  if (!token_key) return 'foreign';
  if (salt && successorOf(token, salt, token_key).hash.equals(refresh_hash)) return 'previous';
  const isOurs =
    token.tag && timingSafeEqual(Buffer.from(token.tag), Buffer.from(tagOf(token.body, token_key)));
  return isOurs ? 'older' : 'foreign';
}

function tokenOf(id: string, sessionId: string, secret: Buffer, key: Buffer): RefreshToken {
  const body = `prt_${id}${secret.toString('base64url')}`;
  const tag = tagOf(body, key);
  const text = body + tag;
  return { text, sessionId, hash: hashOf(text), body, tag };
}

function tagOf(body: string, key: Buffer): string {
  return createHmac('sha256', key).update(body).digest().subarray(0, TAG_BYTES).toString('base64url');
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
