import type { AppConfig, AuthConfig } from '../config/app-config';
import { API_PREFIX } from '../http/api-prefix';
import { VERSION } from '../common/version';
import { pageIsBuilt } from '../http/built-page';

const OPEN_TO_ALL =
  'Whoever can reach this port can act as any user: set AUTH_PROXY_SECRET or AUTH_TRUSTED_PROXIES, or listen on 127.0.0.1.';
const DEMO_MODEL = 'demo model, which is no AI: set OPENAI_API_KEY or MODELS_FILE for a real one';
const IDENTITY: Record<AuthConfig['mode'], string> = {
  header: 'the user is named in X-User-ID',
  token: 'accounts of this service',
  jwks: 'tokens of an identity service',
};

/** What somebody who has just started the service wants to know: where it is, what answers, where data is kept, what is off. */
export function greeting(config: AppConfig, url: string): string[] {
  const { http } = config;
  const base = `${url}/${API_PREFIX}`;
  const example = exampleOf(config, url, base);
  const off = offOf(config);
  return [
    `Parley ${VERSION} listens on ${base}`,
    ...pageOf(config, url),
    ...(http.docs ? [`  docs      ${base}/docs (Swagger UI), ${base}/redoc, ${base}/openapi.json`] : []),
    `  models    ${modelsOf(config)}`,
    `  database  ${databaseOf(config)}`,
    `  identity  ${identityOf(config)} (AUTH_MODE=${config.auth.mode})`,
    ...(off.length > 0 ? [`  off       ${off.join(', ')}`] : []),
    ...(example ? [`  try       ${example}`] : []),
  ];
}

/** What the operator should change before others can reach the service. */
export function warnings({ auth }: AppConfig): string[] {
  const isOpen = !auth.loopback && !auth.proxySecret && auth.trustedProxies.length === 0;
  return auth.mode === 'header' && isOpen ? [OPEN_TO_ALL] : [];
}

function pageOf({ http }: AppConfig, url: string): string[] {
  if (http.pageDir) return [`  page      ${url}/ (PAGE_DIR ${http.pageDir})`];
  return http.page && pageIsBuilt() ? [`  page      ${url}/`] : [];
}

function modelsOf({ llm }: AppConfig): string {
  const first = llm.models.find(({ id }) => id === llm.defaultModel);
  const provider = llm.providers.find(({ name }) => name === first?.provider);
  if (!first || !provider || provider.kind === 'demo') return DEMO_MODEL;
  const others = llm.models.length - 1;
  const where = provider.baseUrl ? new URL(provider.baseUrl).host : 'api.openai.com';
  return `${first.id} at ${where}${others > 0 ? `, and ${others} more` : ''}`;
}

function identityOf({ auth: { mode, defaultUserId } }: AppConfig): string {
  return defaultUserId ? `${IDENTITY[mode]}, or is ${defaultUserId} (DEFAULT_USER_ID)` : IDENTITY[mode];
}

/** Never the user or the password of the URL. */
function databaseOf({ database: { url, dataDir } }: AppConfig): string {
  if (!url) return `embedded, in ${dataDir} (DATA_DIR)`;
  const { hostname, port, pathname } = new URL(url);
  return `PostgreSQL at ${hostname || 'a socket'}${port ? `:${port}` : ''}${pathname} (DATABASE_URL)`;
}

function offOf({ http, ownProviders, limits, auth }: AppConfig): string[] {
  return [
    ...(http.page || http.pageDir ? [] : ['page (PAGE)']),
    ...(http.docs ? [] : ['documentation (API_DOCS)']),
    ...(ownProviders.encryptionKeys.length > 0 ? [] : ['providers of users (ENCRYPTION_KEY)']),
    ...(limits.identity > 0 ? [] : ['rate limits (RATE_LIMITS)']),
    ...(auth.mode === 'token' && auth.registration === 'closed' ? ['registration (AUTH_REGISTRATION)'] : []),
  ];
}

/** A command that works as it stands, but for a secret or token that is not for the log. None where only a gateway can name users. */
function exampleOf({ auth, http }: AppConfig, url: string, base: string): string | undefined {
  const identity = {
    header: auth.proxySecret
      ? `-H 'X-User-ID: me' -H "X-Proxy-Secret: $AUTH_PROXY_SECRET"`
      : `-H 'X-User-ID: me'`,
    token: `-H "Authorization: Bearer $ACCESS_TOKEN"`,
    jwks: `-H "Authorization: Bearer $ACCESS_TOKEN"`,
  }[auth.mode];
  if (auth.mode === 'header' && !auth.proxySecret && auth.trustedProxies.length > 0) return undefined;
  const [name] = http.allowedHosts;
  const isAllowed = name === undefined || http.allowedHosts.includes(new URL(url).hostname);
  const host = isAllowed ? '' : `-H 'Host: ${name}' `;
  return `curl -N ${base}/chat ${host}${identity} -H 'Content-Type: application/json' -d '{"content":"Hello!"}'`;
}
