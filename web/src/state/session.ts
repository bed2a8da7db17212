import {
  client,
  ConnectionError,
  createToken,
  getAbout,
  getMe,
  logOut,
  refreshToken,
  register,
  type About,
  type TokenPair,
  type User,
} from '@client';
import { computed, ref, shallowRef } from 'vue';
import { anonymous } from '../api/anonymous';
import { problemOf } from '../api/problem';
import { openDrafts, removeDrafts, stored, userName } from './preferences';

/** `unreachable`: it is tried again. `name`, `password`, `token`: what has to be given first. */
type Phase = 'starting' | 'unreachable' | 'name' | 'password' | 'token' | 'ready';

const RETRY_MS = 2_000;
/** A token is renewed this long before it ends. */
const EARLY_MS = 30_000;
/** Whether a cookie may hold a refresh token; without that, a page that was never signed in need not ask. */
const signedIn = stored('signed-in', false);

interface Tokens {
  access: string;
  /** Undefined while a cookie has it. */
  refresh: string | undefined;
  expiresAt: number;
}

const phase = ref<Phase>('starting');
const about = shallowRef<About>();
const me = shallowRef<User>();
let tokens: Tokens | undefined;
let refreshing: Promise<void> | undefined;

client.setConfig({ baseUrl: '' });

client.interceptors.request.use(async (request) => {
  for (const [name, value] of Object.entries(await headers())) request.headers.set(name, value);
  return request;
});
client.interceptors.response.use((response) => {
  if (response.status === 401 && phase.value === 'ready') endSession();
  return response;
});

async function headers(): Promise<Record<string, string>> {
  if (about.value?.auth_mode === 'header') return userName.value ? { 'X-User-ID': userName.value } : {};
  const token = await accessToken();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function accessToken(): Promise<string | undefined> {
  if (tokens && about.value?.auth_mode === 'token' && tokens.expiresAt < Date.now() + EARLY_MS)
    await (refreshing ??= renew().finally(() => (refreshing = undefined)));
  return tokens?.access;
}

/** @throws what `fetch` throws where the service cannot be reached: then it is tried again. */
async function renew(): Promise<void> {
  if (!signedIn.value) return;
  const refresh = tokens?.refresh;
  const { data, error } = await refreshToken({
    client: anonymous,
    body: refresh ? { refresh_token: refresh } : {},
  });
  if (data) keep(data);
  else if (problemOf(error).status >= 400 && problemOf(error).status < 500) forget();
  else throw new ConnectionError('The tokens cannot be renewed now.', error);
}

type Kept = Partial<TokenPair> & Pick<TokenPair, 'access_token' | 'expires_in'>;

function keep({ access_token, refresh_token, expires_in }: Kept): void {
  tokens = { access: access_token, refresh: refresh_token, expiresAt: Date.now() + expires_in * 1000 };
  signedIn.value = true;
}

function forget(): void {
  tokens = undefined;
  signedIn.value = false;
}

function endSession(): void {
  forget();
  me.value = undefined;
  openDrafts(undefined);
  phase.value = askFor();
}

function askFor(): Phase {
  return ({ header: 'name', token: 'password', jwks: 'token' } as const)[about.value?.auth_mode ?? 'header'];
}

async function begin(): Promise<void> {
  try {
    about.value ??= (await getAbout({ client: anonymous, throwOnError: true })).data;
    if (about.value.auth_mode === 'token') await renew();
    await findOut();
  } catch {
    phase.value = 'unreachable';
    setTimeout(() => void begin(), RETRY_MS);
  }
}

/** Who the service says that this is. Where nobody but the page can know, it is not asked. */
async function findOut(): Promise<void> {
  if (about.value?.auth_mode !== 'header' ? !tokens : !isNamed()) return endSession();
  const { data, error, response } = await getMe();
  if (data) {
    openDrafts(data.id);
    me.value = data;
    phase.value = 'ready';
  } else if (response && response.status >= 400 && response.status < 500) endSession();
  else throw error;
}

/** Header mode: the user has given a name, or the service or a gateway before it gives one. */
function isNamed(): boolean {
  return userName.value !== '' || about.value?.default_user === true || session.can('gateway');
}

export const session = {
  phase,
  about,
  me,
  isAdmin: computed(() => me.value?.role === 'admin'),
  headers,
  begin,
  /** Whether this service can do that. */
  can: (feature: string) => about.value?.features.includes(feature) ?? false,

  /** Header mode: goes on as this user. */
  async useName(name: string): Promise<void> {
    userName.value = name;
    await findOut();
  },

  /** Answers what is wrong, if anything is. */
  async signIn(username: string, password: string): Promise<unknown> {
    const { data, error } = await createToken({
      client: anonymous,
      query: { cookie: true },
      body: { username, password },
    });
    if (!data) return error;
    keep(data);
    await findOut();
    return undefined;
  },

  async register(username: string, email: string, password: string): Promise<unknown> {
    const { error } = await register({ client: anonymous, body: { username, email, password } });
    return error ?? session.signIn(username, password);
  },

  /** A token of the identity service that the operator has named. */
  async useToken(token: string): Promise<void> {
    tokens = { access: token, refresh: undefined, expiresAt: Infinity };
    await findOut();
  },

  async signOut(): Promise<void> {
    // Whoever uses this browser next has no business with them.
    if (me.value) removeDrafts(me.value.id);
    if (about.value?.auth_mode === 'token') await logOut().catch(() => undefined);
    if (about.value?.auth_mode === 'header') userName.value = '';
    endSession();
  },

  /** The service has refused who this is. */
  refused: endSession,
};
