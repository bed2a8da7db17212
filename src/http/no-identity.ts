import type { AuthConfig } from '../config/app-config';

/** What a request that carries no identity is told, which differs by how users are known. */
export const NO_IDENTITY: Record<AuthConfig['mode'], string> = {
  header: 'The request carries no identity: name the user in X-User-ID.',
  token: 'The request carries no identity: send an access token or an API key as Authorization: Bearer.',
  jwks: 'The request carries no identity: send a token of your identity service as Authorization: Bearer.',
};
