import { effectScope, ref, watch } from 'vue';

export type Theme = 'system' | 'light' | 'dark';

/** What this browser keeps; nothing of it is secret. Storage that is off or full only forgets. */
export function stored<T>(key: string, initial: T) {
  const value = ref<T>(read(key, initial));
  effectScope(true).run(() => watch(value, (now) => write(key, now), { deep: true }));
  return value;
}

function read<T>(key: string, initial: T): T {
  try {
    const text = localStorage.getItem(`parley.${key}`);
    return text === null ? initial : (JSON.parse(text) as T);
  } catch {
    return initial;
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(`parley.${key}`, JSON.stringify(value));
  } catch {
    // Kept for this visit only.
  }
}

function forget(key: string): void {
  try {
    localStorage.removeItem(`parley.${key}`);
  } catch {
    // Nothing is kept there.
  }
}

/** `system` follows the browser. */
export const theme = stored<Theme>('theme', 'system');
/** Empty: the language of the browser. */
export const language = stored<'' | 'en' | 'zh'>('language', '');
/** In header mode: who the user says to be. */
export const userName = stored('user', '');
/** On a screen that has room for it. */
export const sideBarShown = stored('side-bar', true);
/** Texts that were not sent, by conversation; '' is the new one. Each user of this browser has their own. */
export const drafts = ref<Record<string, string>>({});
let draftsOf = '';

effectScope(true).run(() =>
  // At once, so that what one user has typed is never written for the next one.
  watch(drafts, (now) => draftsOf && write(`drafts.${draftsOf}`, now), { deep: true, flush: 'sync' }),
);

/** Whose drafts these are; undefined for nobody's. */
export function openDrafts(user: string | undefined): void {
  draftsOf = '';
  drafts.value = user === undefined ? {} : read(`drafts.${user}`, {});
  draftsOf = user ?? '';
}

export function removeDrafts(user: string): void {
  if (draftsOf === user) openDrafts(undefined);
  forget(`drafts.${user}`);
}

// Of a version that kept them for whoever used the browser next.
forget('drafts');

/** The model for new conversations; empty: the service's default. */
export const preferredModel = stored('model', '');

watch(theme, (now) => document.documentElement.setAttribute('data-theme', now), { immediate: true });
