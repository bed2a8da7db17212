import { computed, ref } from 'vue';

const KNOWN = new Set(['c', 'settings', 'reset', 'shared']);

/** The address behind `#`, so that every address is the same document. */
const path = ref(read());

window.addEventListener('hashchange', () => (path.value = read()));

/** What is no address of the page leads to where a new chat begins. */
function read(): string {
  try {
    const address = decodeURIComponent(location.hash.replace(/^#\/?/, ''));
    return KNOWN.has(address.split(/[/?]/)[0]) ? address : '';
  } catch {
    return '';
  }
}

const parts = computed(() => path.value.split('?')[0].split('/'));

export const router = {
  path,
  /** The conversation that is shown; undefined for a new one. */
  conversationId: computed(() => (parts.value[0] === 'c' ? parts.value[1] : undefined)),
  /** The message of it that is to be shown. */
  messageId: computed(() => (parts.value[0] === 'c' ? parts.value[2] : undefined)),
  /** The panel of the settings that is open. */
  panel: computed(() => (parts.value[0] === 'settings' ? parts.value[1] || 'general' : undefined)),
  resetToken: computed(() => (parts.value[0] === 'reset' ? parts.value[1] : undefined)),
  shareToken: computed(() => (parts.value[0] === 'shared' ? parts.value[1] : undefined)),

  go(to: string, { replace = false } = {}): void {
    const hash = `#/${to}`;
    if (replace) history.replaceState(undefined, '', hash);
    else history.pushState(undefined, '', hash);
    path.value = read();
  },
};

window.addEventListener('popstate', () => (path.value = read()));
