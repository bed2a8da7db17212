import { client, createClient, createConfig, type TokenPair } from '@client';

/*
 * Routes that a service need not have: what it says of itself tells whether it has them. Called through the client by path, so that the page is
 * built with a client of a service without them as well.
 */

/** Without an identity. */
const open = createClient(createConfig({ baseUrl: '' }));
const JSON_BODY = { headers: { 'Content-Type': 'application/json' } } as const;

export interface SearchHit {
  conversation: { id: string; title: string | null };
  /** Null where the title was found. */
  message_id: string | null;
  snippet: string;
  /** Of the snippet: where words that were found begin and end. */
  highlights: [number, number][];
}

export interface Share {
  id: string;
  live: boolean;
  created_at: string;
  expires_at: string | null;
  /** Only of one that was just made. */
  url?: string;
}

export interface SharedConversation {
  title: string | null;
  messages: { role: string; content: string }[];
  created_at: string;
}

export const searchAll = (q: string, signal: AbortSignal) =>
  client.get<{ 200: { data: SearchHit[] } }>({
    url: '/api/v1/search',
    query: { q, limit: 30 },
    signal,
  });

export const listShares = (conversation_id: string) =>
  client.get<{ 200: { data: Share[] } }>({ url: '/api/v1/shares', query: { conversation_id } });

export const createShare = (id: string, body: { live: boolean }) =>
  client.post<{ 201: Share }>({
    url: '/api/v1/conversations/{id}/shares',
    path: { id },
    body,
    ...JSON_BODY,
  });

export const deleteShare = (id: string) =>
  client.delete<{ 204: unknown }>({ url: '/api/v1/shares/{id}', path: { id } });

export const getShared = (token: string) =>
  open.get<{ 200: SharedConversation }>({ url: '/api/v1/shared/{token}', path: { token } });

export const copyShared = (token: string) =>
  client.post<{ 201: { id: string } }>({
    url: '/api/v1/shared/{token}/copy',
    path: { token },
    ...JSON_BODY,
  });

export const resetPassword = (token: string, password: string) =>
  open.post<{ 204: unknown }>({
    url: '/api/v1/auth/password/reset',
    body: { token, password },
    ...JSON_BODY,
  });

export const forgotPassword = (email: string) =>
  open.post<{ 202: unknown }>({
    url: '/api/v1/auth/password/forgot',
    body: { email },
    ...JSON_BODY,
  });

/** The refresh token is in a cookie then, not in the answer. */
export const createTokenInCookie = (username: string, password: string) =>
  open.post<{ 200: Partial<TokenPair> & Pick<TokenPair, 'access_token' | 'expires_in'> }>({
    url: '/api/v1/auth/token',
    query: { cookie: 'true' },
    body: { username, password },
    ...JSON_BODY,
  });
