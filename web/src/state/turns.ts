import {
  createConversation,
  getMessage,
  type QueuedEvent,
  randomKey,
  type SettingsInput,
  type StartEvent,
  streamTurn,
} from '@client';
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
  /** The conversation that was made for it before it could be sent. */
  madeId?: string;
}

/** What a new conversation is made with. */
export interface FirstSettings {
  system_prompt: string;
  settings: SettingsInput;
}

const pending = shallowReactive<PendingTurn[]>([]);
const firstSettings = ref<FirstSettings>({ system_prompt: '', settings: {} });
/** Counts what was sent: whoever shows the conversation shows its end then. */
const sent = ref(0);
/** The user message of each pending turn by its key, once it is stored. */
const confirmed = new Map<string, string>();

const indexOf = ({ key }: PendingTurn) => pending.findIndex((each) => each.key === key);

function update(turn: PendingTurn, changes: Partial<PendingTurn>): PendingTurn {
  const index = indexOf(turn);
  const changed = { ...turn, ...changes };
  if (index >= 0) pending[index] = changed;
  return changed;
}

function remove(turn: PendingTurn): void {
  confirmed.delete(turn.key);
  const index = indexOf(turn);
  if (index >= 0) pending.splice(index, 1);
}

async function submit(turn: PendingTurn): Promise<void> {
  const isNew = turn.conversationId === undefined;
  try {
    const conversationId = turn.conversationId ?? turn.madeId ?? (await makeWithWishes());
    if (isNew && conversationId !== undefined) turn = update(turn, { madeId: conversationId });
    const model = isNew ? models.chosen.value?.id : undefined;
    const wish = { content: turn.content, on_busy: turn.onBusy, ...(model ? { model } : {}) };
    const options = { baseUrl: '', headers: session.headers, idempotencyKey: turn.key, conversationId };
    for await (const event of streamTurn({ ...options, turn: wish })) {
      if (event.type !== 'start' && event.type !== 'queued') continue;
      await stored(turn, await placeOf(event), isNew);
      break;
    }
  } catch (error) {
    const failure = problemOf(error);
    if (failure.status === 401) session.refused();
    update(turn, { failure });
  }
}

interface Place {
  conversationId: string;
  userMessageId: string;
}

/** Where a turn was stored; undefined if it has been deleted meanwhile. @throws where that cannot be known now */
async function placeOf(event: StartEvent | QueuedEvent): Promise<Place | undefined> {
  if (event.type === 'start')
    return { conversationId: event.data.conversation_id, userMessageId: event.data.user_message_id };
  const { data, error } = await getMessage({ path: { id: event.data.message_id } });
  if (data) return { conversationId: data.conversation_id, userMessageId: data.parent_id ?? '' };
  if (problemOf(error).status === 404) return undefined;
  throw error;
}

/** The feed tells the rest. */
async function stored(turn: PendingTurn, place: Place | undefined, isNew: boolean): Promise<void> {
  if (!place) return remove(turn);
  const { conversationId, userMessageId } = place;
  confirmed.set(turn.key, userMessageId);
  if (isNew && conversation.id.value === undefined && router.path.value === '') {
    update(turn, { conversationId });
    firstSettings.value = { system_prompt: '', settings: {} };
    router.go(`c/${conversationId}`, { replace: true });
  } else if (isNew || turn.conversationId !== conversation.id.value) return remove(turn);
  await conversation.reload();
  // Not shown here: others have gone to another branch meanwhile, or deleted it.
  remove(turn);
}

async function makeWithWishes(): Promise<string | undefined> {
  const { system_prompt, settings } = firstSettings.value;
  if (!system_prompt && Object.keys(settings).length === 0) return undefined;
  const body = { settings, ...(system_prompt ? { system_prompt } : {}) };
  return (await createConversation({ body, throwOnError: true })).data.id;
}

/** What the conversation has is pending no more. */
watch(conversation.messages, (messages) => {
  const ids = new Set(messages.map(({ id }) => id));
  for (const turn of pending.filter(({ key }) => ids.has(confirmed.get(key) ?? ''))) remove(turn);
});

export const turns = {
  /** Of the conversation that is shown. */
  pending: computed(() => pending.filter((turn) => turn.conversationId === conversation.id.value)),
  firstSettings,
  sent,

  send(content: string, onBusy: OnBusy): void {
    const turn = {
      key: randomKey(),
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
    const key = turn.failure?.status ? randomKey() : turn.key;
    void submit(update(turn, { key, onBusy, failure: undefined }));
  },

  takeBack(turn: PendingTurn): void {
    remove(turn);
    const place = turn.conversationId ?? '';
    drafts.value[place] = drafts.value[place] ? `${turn.content}\n\n${drafts.value[place]}` : turn.content;
  },
};
