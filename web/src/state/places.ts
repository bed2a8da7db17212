import { getMessage, type Message } from '@client';
import { computed, shallowReactive, watch } from 'vue';
import { conversation } from './conversation';

/** No event tells that others have gone: a reply that waits for its model is asked for its place, as long as it is shown. */
const ASK_EACH_MS = 3_000;

const known = shallowReactive(new Map<string, number>());
const waiting = computed(() =>
  conversation.messages.value
    .filter(({ status, queue_position }) => status === 'queued' && queue_position !== undefined)
    .map(({ id }) => id)
    .join(),
);
let timer: number | undefined;

watch(waiting, (ids) => {
  clearInterval(timer);
  known.clear();
  if (ids) timer = window.setInterval(() => void ask(ids.split(',')), ASK_EACH_MS);
});

async function ask(ids: string[]): Promise<void> {
  if (document.hidden) return;
  for (const id of ids) {
    const { data } = await getMessage({ path: { id } });
    // It begins meanwhile, which the feed tells.
    if (data?.queue_position !== undefined) known.set(id, data.queue_position);
  }
}

/** 1 comes next; undefined for what waits for something else. */
export const placeOf = ({ id, queue_position }: Message): number | undefined =>
  known.get(id) ?? queue_position;
