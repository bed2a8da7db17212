import { resolve } from 'node:path';
import { VERSION } from '../common/version';
import type { AppConfig, AuthConfig } from '../config/app-config';
import type { ModelConfig } from '../config/models-config';
import { secretFile } from '../config/secret-files';
import { API_PREFIX } from '../http/api-prefix';
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
export function greeting(config: AppConfig, url: string, env: NodeJS.ProcessEnv): string[] {
  const { http } = config;
  const base = `${url}/${API_PREFIX}`;
  const example = exampleOf(config, url, base, env);
  const off = offOf(config);
  return [
    `Parley ${VERSION} listens on ${base}`,
    ...pageOf(config, url),
    ...(http.docs ? [`  docs      ${base}/docs (Swagger UI), ${base}/redoc, ${base}/openapi.json`] : []),
    `  models    ${modelsOf(config)}`,
    `  database  ${databaseOf(config)}`,
    `  identity  ${identityOf(config)} (AUTH_MODE=${config.auth.mode})`,
    ...(off.length > 0 ? [`  off       ${off.join(', ')}`] : []),
    ...accountOf(config, url, base),
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

/** The usual model and where it is, then how many there are elsewhere. */
function modelsOf({ llm }: AppConfig): string {
  const providers = new Map(llm.providers.map((provider) => [provider.name, provider]));
  const placeOf = ({ provider: name }: ModelConfig) => {
    const provider = providers.get(name);
    if (!provider || provider.kind === 'demo') return '';
    return provider.baseUrl ? new URL(provider.baseUrl).host : 'api.openai.com';
  };
  const usual = llm.models.find(({ id }) => id === llm.defaultModel) ?? llm.models[0];
  const places = new Map([[placeOf(usual), -1]]);
  for (const model of llm.models) places.set(placeOf(model), (places.get(placeOf(model)) ?? 0) + 1);
  if (places.size === 1 && places.has('')) return DEMO_MODEL;
  const told = [...places].map(([place, count], index) => {
    const counted = index > 0 ? String(count) : usual.id + (count > 0 ? ` and ${count} more` : '');
    return place ? `${counted} at ${place}` : `${counted} of the service itself (demo, no AI)`;
  });
  return told.join('; ');
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

/** Each with the variable that turns it on. */
function offOf({
  http,
  ownProviders,
  limits,
  auth,
  mail,
  sharing,
  llm,
  metrics,
  traces,
}: AppConfig): string[] {
  const accounts = auth.mode === 'token';
  return [
    ...(http.page || http.pageDir ? [] : ['page (PAGE)']),
    ...(http.docs ? [] : ['documentation (API_DOCS)']),
    ...(ownProviders.encryptionKeys.length > 0 ? [] : ['providers of users (ENCRYPTION_KEY)']),
    ...(limits.identity > 0 ? [] : ['rate limits (RATE_LIMITS)']),
    ...(accounts && auth.registration === 'closed' ? ['registration (AUTH_REGISTRATION)'] : []),
    ...(accounts && mail.smtpUrl === undefined ? ['mail for forgotten passwords (SMTP_URL)'] : []),
    ...(sharing.enabled ? [] : ['sharing (SHARING)']),
    ...(llm.titles.enabled ? [] : ['titles by a model (TITLE_MODEL)']),
    ...(metrics ? [] : ['metrics (METRICS_TOKEN or METRICS_PORT)']),
    ...(traces ? [] : ['traces (OTEL_EXPORTER_OTLP_ENDPOINT)']),
  ];
}

const AS_JSON = `-H 'Content-Type: application/json'`;

/** Where a token comes from: commands that leave it in `$ACCESS_TOKEN`, for whoever has chosen a `$PASSWORD`. */
function accountOf({ auth, http }: AppConfig, url: string, base: string): string[] {
  if (auth.mode !== 'token') return [];
  const host = hostOf(http, url);
  const make =
    auth.registration === 'open'
      ? `curl ${base}/auth/register ${host}${AS_JSON} -d '{"username":"alice","email":"alice@example.com","password":"'"$PASSWORD"'"}'`
      : `ADMIN_PASSWORD="$PASSWORD" npm run admin -- create alice alice@example.com`;
  const ask = `curl -s ${base}/auth/token ${host}-d grant_type=password -d username=alice --data-urlencode "password=$PASSWORD"`;
  return [
    `  account   ${make}`,
    `  token     ACCESS_TOKEN=$(${ask} | sed 's/.*"access_token":"\\([^"]*\\).*/\\1/')`,
  ];
}

/** A command that works as it stands, but for a secret or token that is not for the log. None where only a gateway can name users. */
function exampleOf({ auth, http }: AppConfig, url: string, base: string, env: NodeJS.ProcessEnv) {
  const isNamed = auth.mode === 'header';
  if (isNamed && !auth.proxySecret && auth.trustedProxies.length > 0) return undefined;
  const secret = auth.proxySecret ? ` -H "X-Proxy-Secret: ${proxySecretOf(env)}"` : '';
  const identity = isNamed ? `-H 'X-User-ID: me'${secret}` : `-H "Authorization: Bearer $ACCESS_TOKEN"`;
  return `curl -N ${base}/chat ${hostOf(http, url)}${identity} ${AS_JSON} -d '{"content":"Hello!"}'`;
}

/** As a shell gets at it, within double quotes. */
function proxySecretOf(env: NodeJS.ProcessEnv): string {
  const file = secretFile(env, 'AUTH_PROXY_SECRET');
  return file ? `$(cat '${resolve(file).replaceAll("'", `'\\''`)}')` : '$AUTH_PROXY_SECRET';
}

function hostOf({ allowedHosts }: AppConfig['http'], url: string): string {
  const [name] = allowedHosts;
  const isAllowed = name === undefined || allowedHosts.includes(new URL(url).hostname);
  return isAllowed ? '' : `-H 'Host: ${name}' `;
}
