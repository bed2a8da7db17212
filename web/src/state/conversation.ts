import {
  createFeedback,
  deleteFeedback,
  deleteMessage,
  getConversation,
  listMessages,
  type Conversation,
  type Message,
  type NewVersion,
  type ReplyOptions,
  readConversation,
  selectBranch,
  stopMessage,
  streamVersion,
} from '@client';
import { computed, ref, shallowRef, watch } from 'vue';
import { problemOf } from '../api/problem';
import { conversations } from './conversations';
import { feed } from './feed';
import { models } from './models';
import { preferredModel } from './preferences';
import { replies } from './replies';
import { router } from './router';
import { session } from './session';
import { toasts } from './toasts';

type Phase = 'none' | 'loading' | 'ready' | 'missing' | 'failed';

const SETTLE_MS = 20;
const RETRY_MS = 2_000;
/** How far back a message is looked for before its branch is made the active one. */
const PAGES_BACK = 20;
/** If the feed has not told of a running reply by then, its own stream does. */
const FEED_PATIENCE_MS = 1_500;

const id = ref<string>();
const phase = ref<Phase>('none');
const detail = shallowRef<Conversation>();
const messages = shallowRef<Message[]>([]);
const cursor = ref<string | null>(null);
let timer: number | undefined;
let reading: Promise<void> | undefined;
/** What is shown may be older than what somebody has asked for. */
let isStale = false;
let tryAgain: (() => void) | undefined;
let leave = new AbortController();

const isOpen = ({ status }: Message) => status === 'streaming' || status === 'queued';

function open(next: string | undefined): void {
  if (next === id.value && phase.value !== 'failed') return;
  leave.abort();
  leave = new AbortController();
  id.value = next;
  detail.value = undefined;
  messages.value = [];
  cursor.value = null;
  phase.value = next === undefined ? 'none' : 'loading';
  if (next !== undefined) void reload();
}

watch(router.conversationId, open);

/**
 * Shows what is stored: settles when that has been read, however long the service cannot be reached. One reading at a time; who asks meanwhile gets
 * another one after it.
 */
function reload(): Promise<void> {
  isStale = true;
  tryAgain?.();
  return (reading ??= readAll());
}

async function readAll(): Promise<void> {
  while (isStale) {
    isStale = false;
    if (await read()) continue;
    isStale = true;
    await new Promise<void>((resolve) => {
      tryAgain = resolve;
      setTimeout(resolve, RETRY_MS);
    });
  }
  reading = undefined;
}

function reloadSoon(): void {
  clearTimeout(timer);
  timer = window.setTimeout(() => void reload(), SETTLE_MS);
}

/** Whether it is known now; false where the service cannot say. */
async function read(): Promise<boolean> {
  const mine = id.value;
  if (mine === undefined) return true;
  const { data, error } = await getConversation({ path: { id: mine } });
  // Whoever has opened another one has asked for that.
  if (mine !== id.value) return true;
  if (!data) {
    const { status } = problemOf(error);
    const isMissing = status === 404 || status === 400;
    if (isMissing) lose();
    else if (phase.value === 'loading') phase.value = 'failed';
    return isMissing;
  }
  const { messages: latest, messages_cursor, ...conversation } = data;
  const kept = olderThan(latest);
  detail.value = conversation;
  messages.value = [...kept, ...latest];
  if (kept.length === 0) cursor.value = messages_cursor;
  phase.value = 'ready';
  settle();
  return true;
}

function lose(): void {
  phase.value = 'missing';
  detail.value = undefined;
  messages.value = [];
  cursor.value = null;
}

/** Messages of earlier pages on the path that ends with these. */
function olderThan([first]: Message[]): Message[] {
  if (!first) return [];
  const index = messages.value.findIndex(({ id: each }) => each === first.id);
  if (index >= 0) return messages.value.slice(0, index);
  return messages.value.slice(0, messages.value.findIndex(({ id: each }) => each === first.parent_id) + 1);
}

/** What was told twice is told by the messages now. */
function settle(): void {
  for (const message of messages.value) {
    if (!isOpen(message)) replies.forget(message.id);
    else if (message.status === 'streaming' && !replies.find(message.id)) followLater(message.id);
  }
}

function followLater(messageId: string): void {
  const { signal } = leave;
  setTimeout(() => {
    if (signal.aborted || replies.find(messageId)) return;
    replies.follow(messageId, signal).then(reloadSoon, () => !signal.aborted && reloadSoon());
  }, FEED_PATIENCE_MS);
}

/** Whoever looks at it has read it. */
function markRead(): void {
  const mine = id.value;
  if (mine === undefined || document.visibilityState !== 'visible') return;
  void readConversation({ path: { id: mine } });
}

function markUnreadRead(): void {
  if (id.value !== undefined && conversations.find(id.value)?.unread) markRead();
}

document.addEventListener('visibilitychange', markUnreadRead);
watch(() => [id.value, conversations.find(id.value ?? '')?.unread] as const, markUnreadRead);

feed.onOpen(() => void reload());
feed.listen((event) => {
  if (!('conversation_id' in event.data)) return;
  if (event.data.conversation_id !== id.value) {
    // Whoever opens it reads it.
    if (event.type === 'reply.ended') replies.forget(event.data.message_id);
    return;
  }
  if (event.type === 'conversation.deleted') lose();
  else if (event.type !== 'chunk' && event.type !== 'reasoning') reloadSoon();
  // Before the list knows of it, which the user may see a moment later.
  if (event.type === 'reply.ended') markRead();
});

/** Runs a version until the service has stored it. */
async function renew(version: NewVersion & { messageId: string }): Promise<boolean> {
  try {
    for await (const event of streamVersion({ baseUrl: '', headers: session.headers, ...version })) {
      if (event.type !== 'start' && event.type !== 'queued') continue;
      break;
    }
    await reload();
    return true;
  } catch (error) {
    if (problemOf(error).status === 401) session.refused();
    toasts.fail(error);
    return false;
  }
}

export const conversation = {
  id,
  phase,
  detail,
  messages,
  hasOlder: computed(() => cursor.value !== null),
  /** The reply that is being written or waits; of several the last. */
  running: computed(() =>
    messages.value.findLast((message) => isOpen(message) && !replies.find(message.id)?.ended),
  ),
  model: computed(() => models.find(detail.value?.model) ?? models.chosen.value),
  open,
  reload,

  async stop(message: Message): Promise<void> {
    const { error } = await stopMessage({ path: { id: message.id } });
    if (error && problemOf(error).status !== 404) toasts.fail(error);
    reloadSoon();
  },

  regenerate: (messageId: string, turn: ReplyOptions = {}) =>
    renew({ action: 'regenerate', messageId, turn }),
  goOn: (messageId: string) => renew({ action: 'continue', messageId }),
  edit: (messageId: string, content: string) => renew({ action: 'edit', messageId, turn: { content } }),

  async select(messageId: string): Promise<void> {
    const { error } = await selectBranch({ path: { id: messageId }, body: {} });
    if (error) toasts.fail(error);
    await reload();
  },

  async removeMessage(messageId: string): Promise<void> {
    const { error } = await deleteMessage({ path: { id: messageId } });
    if (error) toasts.fail(error);
    await reload();
  },

  /** Brings a message onto the path that is shown. Whether it is there. */
  async find(messageId: string): Promise<boolean> {
    const isThere = () => messages.value.some((message) => message.id === messageId);
    for (let page = 0; page < PAGES_BACK && !isThere() && cursor.value !== null; page++)
      await conversation.loadOlder();
    if (!isThere()) await conversation.select(messageId);
    return isThere();
  },

  async loadOlder(): Promise<void> {
    const [mine, from] = [id.value, cursor.value];
    if (mine === undefined || from === null) return;
    const { data, error } = await listMessages({ path: { id: mine }, query: { cursor: from } });
    if (!data) return void toasts.fail(error);
    if (mine !== id.value || from !== cursor.value) return;
    const older = [...data.data].sort((a, b) => a.created_at.localeCompare(b.created_at));
    messages.value = [...older, ...messages.value];
    cursor.value = data.next_cursor;
  },

  async setModel(model: string): Promise<void> {
    preferredModel.value = model;
    const mine = id.value;
    if (mine === undefined) return;
    if (detail.value) detail.value = { ...detail.value, model };
    await conversations.change(mine, { model });
  },

  /** @param tags words of `feedback.tags` */
  async rate(
    messageId: string,
    rating: 1 | 5,
    comment?: string,
    tags?: string[],
  ): Promise<string | undefined> {
    const body = {
      message_id: messageId,
      rating,
      ...(comment ? { comment } : {}),
      ...(tags?.length ? { tags } : {}),
    };
    const { data, error } = await createFeedback({ body });
    if (error) toasts.fail(error);
    return data?.id;
  },

  async unrate(feedbackId: string): Promise<void> {
    const { error } = await deleteFeedback({ path: { id: feedbackId } });
    if (error) toasts.fail(error);
    // One that was being read meanwhile may still have it.
    void reload();
  },
};
