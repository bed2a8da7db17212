import { ApiClient } from './api-client';

export const PASSWORD = 'a long walk in the rain';

/** An account that is logged in. */
export interface Person {
  id: string;
  username: string;
  access: string;
  refresh: string;
  api: ApiClient;
}

export interface Tokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  token_type: string;
}

/** A client with a bearer token, or none. */
export function bearer(url: string, token?: string): ApiClient {
  return new ApiClient(url, token === undefined ? {} : { authorization: `Bearer ${token}` });
}

export async function logIn(url: string, username: string, password = PASSWORD): Promise<Tokens> {
  const answer = await bearer(url).post<Tokens>('/auth/token', { username, password });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.body;
}

/** Registers and logs in. */
export async function signUp(url: string, username: string, password = PASSWORD): Promise<Person> {
  const body = { username, email: `${username}@example.com`, password };
  const made = await bearer(url).post<{ id: string }>('/auth/register', body);
  if (made.status !== 201) throw new Error(`${made.status} ${made.text}`);
  const { access_token: access, refresh_token: refresh } = await logIn(url, username, password);
  return { id: made.body.id, username, access, refresh, api: bearer(url, access) };
}

/** An API key of this person. */
export async function newKey(person: Person, more: object = {}): Promise<{ id: string; key: string }> {
  const answer = await person.api.post<{ id: string; key: string }>('/api-keys', { name: 'Test', ...more });
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
  return answer.body;
}
