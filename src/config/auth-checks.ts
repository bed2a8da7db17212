import { isLoopbackHost } from './network';
import type { Problems, Variables } from './variables';

type Checked = Partial<Variables>;

/** A secret made of fewer different characters was typed, not generated. */
const FEWEST_CHARACTERS = 10;
const TYPED = /change[-_ ]?me|secret|password|example|1234567/i;

/** What a mode of identity cannot do without, and what it must not be run with in production. */
export function checkAuth(values: Checked, problems: Problems): void {
  const add = (name: keyof Variables, message: string) => {
    if (!problems.has(name)) problems.set(name, message);
  };
  if (values.AUTH_MODE === 'jwks') checkJwks(values, problems, add);
  if (values.DEFAULT_USER_ID !== undefined) checkDefaultUser(values, problems, add);
  if (values.NODE_ENV !== 'production') return;
  if (values.AUTH_MODE === 'header') checkHeader(values, problems);
  if (values.AUTH_MODE === 'token' && !values.JWT_SECRET)
    add('JWT_SECRET', 'must be set with NODE_ENV=production and AUTH_MODE=token');
  if (values.JWT_SECRET && isGuessable(values.JWT_SECRET))
    add('JWT_SECRET', 'must be random with NODE_ENV=production, e.g. from `openssl rand -base64 48`');
}

type Add = (name: keyof Variables, message: string) => void;

function checkHeader(values: Checked, problems: Problems): void {
  if (problems.has('AUTH_PROXY_SECRET') || problems.has('AUTH_TRUSTED_PROXIES')) return;
  if (values.AUTH_PROXY_SECRET || values.AUTH_TRUSTED_PROXIES?.length) return;
  problems.set(
    'AUTH_PROXY_SECRET',
    'or AUTH_TRUSTED_PROXIES must be set with NODE_ENV=production: AUTH_MODE=header believes whoever can reach the port',
  );
}

/** Whoever sends nothing would be this user: only on one's own machine. */
function checkDefaultUser({ AUTH_MODE, HOST, NODE_ENV }: Checked, problems: Problems, add: Add): void {
  if (problems.has('AUTH_MODE') || problems.has('HOST') || problems.has('NODE_ENV')) return;
  if (AUTH_MODE === 'header' && isLoopbackHost(HOST ?? '') && NODE_ENV !== 'production') return;
  add(
    'DEFAULT_USER_ID',
    'must not be set but with AUTH_MODE=header, on a loopback HOST, and without NODE_ENV=production',
  );
}

function checkJwks(values: Checked, problems: Problems, add: Add): void {
  const known = !problems.has('JWKS_URL') && !problems.has('JWT_SECRET');
  if (known && !values.JWKS_URL === !values.JWT_SECRET)
    add('JWKS_URL', 'or JWT_SECRET, and only one of them, must be set with AUTH_MODE=jwks');
  if (values.NODE_ENV !== 'production') return;
  if (!values.JWT_ISSUER) add('JWT_ISSUER', 'must be set with NODE_ENV=production and AUTH_MODE=jwks');
  if (!values.JWT_AUDIENCE) add('JWT_AUDIENCE', 'must be set with NODE_ENV=production and AUTH_MODE=jwks');
  if (values.JWKS_URL?.startsWith('http:'))
    add('JWKS_URL', 'must begin with https:// with NODE_ENV=production');
}

function isGuessable(secret: string): boolean {
  return new Set(secret).size < FEWEST_CHARACTERS || TYPED.test(secret);
}
