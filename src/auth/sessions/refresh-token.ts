import { createHash, randomBytes } from 'node:crypto';

const TOKEN = /^prt_([A-Za-z0-9_-]{22})([A-Za-z0-9_-]{43})$/;

/** A token that names its session, so that one which was spent before is recognised as such. */
export interface RefreshToken {
  sessionId: string;
  hash: Buffer;
}

export function newRefreshToken(sessionId: string): { text: string; hash: Buffer } {
  const id = Buffer.from(sessionId.replaceAll('-', ''), 'hex').toString('base64url');
  const text = `prt_${id}${randomBytes(32).toString('base64url')}`;
  return { text, hash: hashOf(text) };
}

export function parseRefreshToken(text: string): RefreshToken | undefined {
  const id = TOKEN.exec(text)?.[1];
  if (!id) return undefined;
  const hex = Buffer.from(id, 'base64url').toString('hex');
  const sessionId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { sessionId, hash: hashOf(text) };
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
