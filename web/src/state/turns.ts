import { createConversation, getMessage, type SettingsInput, streamTurn } from '@client';
import { computed, ref, shallowReactive, watch } from 'vue';
import { type Failure, problemOf } from '../api/problem';
import { conversation } from './conversation';
import { models } from './models';
import { drafts } from './preferences';
import { router } from './router';
import { session } from './session';

export type OnBusy = 'reject' | 'queue' | 'interrupt';

/** A turn that the service has not confirmed. */
export interface PendingTurn {
  key: string;
  content: string;
  conversationId: string | undefined;
  onBusy: OnBusy;
  failure: Failure | undefined;
}

/** What a new conversation is made with. */
export interface Wishes {
  system_prompt: string;
  settings: SettingsInput;
}

const pending = shallowReactive<PendingTurn[]>([]);
const wishes = ref<Wishes>({ system_prompt: '', settings: {} });
/** Counts what was sent: whoever shows the conversation shows its end then. */
const sent = ref(0);
/** The user message of each pending turn, once it is stored. */
const confirmed = new WeakMap<PendingTurn, string>();

function update(turn: PendingTurn, changes: Partial<PendingTurn>): PendingTurn {
  const index = pending.indexOf(turn);
  const changed = { ...turn, ...changes };
  if (index >= 0) pending[index] = changed;
  return changed;
}

async function submit(turn: PendingTurn): Promise<void> {
  const isNew = turn.conversationId === undefined;
  try {
    const conversationId = turn.conversationId ?? (await makeWithWishes());
    const model = isNew ? models.chosen.value?.id : undefined;
    const wish = { content: turn.content, on_busy: turn.onBusy, ...(model ? { model } : {}) };
    const options = { baseUrl: '', headers: session.headers, idempotencyKey: turn.key, conversationId };
    for await (const event of streamTurn({ ...options, turn: wish })) {
      if (event.type !== 'start' && event.type !== 'queued') continue;
      await stored(turn, event.data.message_id, isNew);
      break;
    }
  } catch (error) {
    const failure = problemOf(error);
    if (failure.status === 401) session.refused();
    update(turn, { failure });
  }
}

/** The feed tells the rest. */
async function stored(turn: PendingTurn, replyId: string, isNew: boolean): Promise<void> {
  const { data } = await getMessage({ path: { id: replyId } });
  // Deleted meanwhile.
  if (!data) return void pending.splice(pending.indexOf(turn), 1);
  confirmed.set(turn, data.parent_id ?? '');
  if (isNew && conversation.id.value === undefined && router.path.value === '') {
    const conversationId = data.conversation_id;
    confirmed.set(update(turn, { conversationId }), data.parent_id ?? '');
    wishes.value = { system_prompt: '', settings: {} };
    router.go(`c/${conversationId}`, { replace: true });
  } else if (isNew || turn.conversationId !== conversation.id.value)
    return void pending.splice(pending.indexOf(turn), 1);
  await conversation.reload();
}

async function makeWithWishes(): Promise<string | undefined> {
  const { system_prompt, settings } = wishes.value;
  if (!system_prompt && Object.keys(settings).length === 0) return undefined;
  const body = { settings, ...(system_prompt ? { system_prompt } : {}) };
  return (await createConversation({ body, throwOnError: true })).data.id;
}

/** What the conversation has is pending no more. */
watch(conversation.messages, (messages) => {
  const ids = new Set(messages.map(({ id }) => id));
  const there = pending.filter((turn) => ids.has(confirmed.get(turn) ?? ''));
  for (const turn of there) pending.splice(pending.indexOf(turn), 1);
});

export const turns = {
  /** Of the conversation that is shown. */
  pending: computed(() => pending.filter((turn) => turn.conversationId === conversation.id.value)),
  wishes,
  sent,

  send(content: string, onBusy: OnBusy): void {
    const turn = {
      key: crypto.randomUUID(),
      content,
      conversationId: conversation.id.value,
      onBusy,
      failure: undefined,
    };
    pending.push(turn);
    sent.value++;
    void submit(pending[pending.length - 1]);
  },

  /** The same turn again: it is made once, however often it is asked for. */
  retry(turn: PendingTurn, onBusy = turn.onBusy): void {
    // What was refused was not made; and another wish with the same key would be.
    const key = turn.failure?.status ? crypto.randomUUID() : turn.key;
    void submit(update(turn, { key, onBusy, failure: undefined }));
  },

  takeBack(turn: PendingTurn): void {
    pending.splice(pending.indexOf(turn), 1);
    const place = turn.conversationId ?? '';
    drafts.value[place] = drafts.value[place] ? `${turn.content}\n\n${drafts.value[place]}` : turn.content;
  },
};
