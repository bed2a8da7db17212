import {
  deleteConversation,
  listConversations,
  updateConversation,
  type ConversationChangesData,
  type ListedConversation,
  type UpdateConversation,
} from '@client';
import { computed, ref, shallowReactive, shallowRef } from 'vue';
import { explain } from '../api/explain';
import { problemOf } from '../api/problem';
import { i18n } from '../locales/i18n';
import { feed } from './feed';
import { drafts } from './preferences';
import { router } from './router';
import { toasts } from './toasts';

const PAGE_SIZE = 50;
/** Undo is offered for so long; then the service deletes. */
const UNDO_MS = 8_000;
/** Events come in bursts, and one list tells of all of them. */
const SETTLE_MS = 150;
const RETRY_MS = 2_000;

const { t } = i18n.global;
const known = shallowReactive(new Map<string, ListedConversation>());
const next = shallowRef<string | null>(null);
const loading = ref(true);
const archived = ref(false);
/** To be deleted, unless somebody takes it back. */
const leaving = shallowReactive(new Map<string, () => void>());
/** Pages below the first were read, where the list goes on. */
let goneOn = false;
let generation = 0;
let timer: number | undefined;

const shown = computed(() =>
  [...known.values()]
    .filter((one) => one.archived === archived.value && !leaving.has(one.id))
    .sort(
      (a, b) =>
        Number(b.pinned) - Number(a.pinned) ||
        descending(a.last_activity_at, b.last_activity_at) ||
        descending(a.id, b.id),
    ),
);

/** Times and ids: by their letters, without the rules of a language. */
function descending(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? 1 : -1;
}

async function readPage(cursor?: string) {
  const query = { limit: PAGE_SIZE, archived: archived.value, ...(cursor ? { cursor } : {}) };
  return listConversations({ query, throwOnError: true });
}

/** Reads the list from its top. What it no longer has in its range is gone. */
async function load(): Promise<void> {
  const mine = ++generation;
  try {
    const { data: page } = await readPage();
    if (mine !== generation) return;
    const listed = new Set(page.data.map(({ id }) => id));
    if (page.next_cursor === null) for (const id of known.keys()) if (!listed.has(id)) known.delete(id);
    for (const one of page.data) known.set(one.id, one);
    if (!goneOn) next.value = page.next_cursor;
    loading.value = false;
  } catch {
    // The feed tells when the service is there again, or the session has ended.
    if (mine === generation) loadIn(RETRY_MS);
  }
}

/** However many ask meanwhile, and however long they go on. */
function loadIn(ms: number): void {
  timer ??= window.setTimeout(() => {
    timer = undefined;
    void load();
  }, ms);
}

const loadSoon = () => loadIn(SETTLE_MS);

function reload(): void {
  known.clear();
  next.value = null;
  goneOn = false;
  loading.value = true;
  void load();
}

function patch(id: string, changes: Partial<ListedConversation>): void {
  const before = known.get(id);
  if (before) known.set(id, { ...before, ...changes });
}

function applyChanges({ conversation_id: id, ...changes }: ConversationChangesData): void {
  const { title, model, pinned, archived: away, unread } = changes;
  const given = { title, model, pinned, archived: away, unread };
  patch(id, Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));
}

feed.onOpen(() => {
  if (known.size === 0) void load();
  else reload();
});
feed.listen((event) => {
  if (event.type === 'conversation.deleted') known.delete(event.data.conversation_id);
  else if (event.type === 'conversation.updated') applyChanges(event.data);
  else if (event.type === 'title') patch(event.data.conversation_id, { title: event.data.title });
  else if (event.type === 'reply.started' || event.type === 'reply.waiting') {
    const { conversation_id, message_id, model } = event.data;
    patch(conversation_id, {
      running: { message_id, model, status: event.type === 'reply.started' ? 'streaming' : 'queued' },
    });
  } else if (event.type === 'reply.ended') patch(event.data.conversation_id, { running: null });
  else if (!event.type.startsWith('message.') && event.type !== 'conversation.created') return;
  loadSoon();
});
// Whoever leaves meanwhile wanted them deleted.
window.addEventListener('pagehide', () => leaving.forEach((finish) => finish()));

async function change(id: string, body: UpdateConversation): Promise<boolean> {
  const before = known.get(id);
  patch(id, body as Partial<ListedConversation>);
  const { error } = await updateConversation({ path: { id }, body });
  if (!error) return true;
  if (before) known.set(id, before);
  // It may have been done all the same.
  loadSoon();
  toasts.show({ kind: 'failure', text: t('failed.change', { why: explain(error) }) });
  return false;
}

export const conversations = {
  list: shown,
  find: (id: string) => known.get(id),
  loading,
  hasMore: computed(() => next.value !== null),
  archived,
  change,
  /** How the list is made anew: whose it is, or which of the two it is, has changed. */
  reload,

  async loadMore(): Promise<void> {
    const cursor = next.value;
    if (cursor === null || loading.value) return;
    loading.value = true;
    try {
      const { data: page } = await readPage(cursor);
      if (next.value !== cursor) return;
      for (const one of page.data) known.set(one.id, one);
      next.value = page.next_cursor;
      goneOn = true;
    } catch (error) {
      toasts.fail(error);
    } finally {
      loading.value = false;
    }
  },

  async archive(id: string, away: boolean): Promise<void> {
    if (!(await change(id, { archived: away }))) return;
    const undo = () => void change(id, { archived: !away });
    toasts.show({
      kind: 'note',
      text: t(away ? 'list.archived' : 'list.restored'),
      action: { label: t('undo'), run: undo },
    });
  },

  /** Hides it at once, and deletes it when undo is no longer offered. */
  remove(id: string): void {
    if (leaving.has(id)) return;
    const finish = () => {
      clearTimeout(wait);
      void end();
    };
    const end = async () => {
      const { error } = await deleteConversation({ path: { id }, keepalive: true });
      if (error && problemOf(error).status !== 404) {
        toasts.show({ kind: 'failure', text: t('failed.delete', { why: explain(error) }) });
      } else {
        known.delete(id);
        delete drafts.value[id];
      }
      leaving.delete(id);
    };
    const wait = window.setTimeout(finish, UNDO_MS);
    leaving.set(id, finish);
    const undo = () => {
      clearTimeout(wait);
      leaving.delete(id);
    };
    toasts.show({ kind: 'note', text: t('list.deleted'), action: { label: t('undo'), run: undo } }, UNDO_MS);
    if (router.conversationId.value === id) router.go('');
  },
};

/** After the list so that it follows who is there. */
export function forgetConversations(): void {
  generation++;
  known.clear();
  loading.value = true;
}
