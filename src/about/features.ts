import type { AppConfig } from '../config/app-config';

/**
 * What a client may want to know of before it uses it, and where it is on; everywhere, unless something is said. A further feature gets
 * a line here.
 */
const FEATURES: Readonly<Record<string, (config: AppConfig) => boolean>> = {
  versions: () => true,
  conversation_keys: () => true,
  queue: () => true,
  feedback: () => true,
  search: () => true,
  feedback_tags: () => true,
  gateway: ({ auth }) =>
    auth.mode === 'header' && (auth.proxySecret !== undefined || auth.trustedProxies.length > 0),
  cookie_sign_in: ({ auth }) => auth.mode === 'token',
  password_reset: ({ auth, mail }) => auth.mode === 'token' && mail.smtpUrl !== undefined,
  shares: ({ sharing }) => sharing.enabled,
  events: () => true,
  message_deletion: () => true,
  jobs: () => true,
  titles: ({ llm }) => llm.titles.enabled,
  providers: ({ ownProviders }) => ownProviders.encryptionKeys.length > 0,
  api_keys: ({ auth }) => auth.mode === 'token',
};

export const EXAMPLE_FEATURES = [
  'versions',
  'conversation_keys',
  'queue',
  'feedback',
  'feedback_tags',
  'search',
  'shares',
];

/** Words for what the service can do as it is configured. */
export function featuresOf(config: AppConfig): string[] {
  return Object.keys(FEATURES).filter((name) => FEATURES[name](config));
}
