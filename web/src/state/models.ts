import { listModels, type Model } from '@client';
import { computed, shallowRef } from 'vue';
import { preferredModel } from './preferences';
import { session } from './session';

const RETRY_MS = 2_000;

const list = shallowRef<Model[]>([]);
const standard = computed(() => list.value.find(({ is_default }) => is_default) ?? list.value[0]);

export const models = {
  list,
  /** Of new conversations. */
  chosen: computed(() => list.value.find(({ id }) => id === preferredModel.value) ?? standard.value),
  find: (id: string | null | undefined) => list.value.find((model) => model.id === id),
  standard,
  /** As they are now; those of before where the service cannot say. */
  async load(): Promise<void> {
    const { data } = await listModels();
    if (data) list.value = data.data;
    else if (list.value.length === 0 && session.phase.value === 'ready')
      setTimeout(() => void models.load(), RETRY_MS);
  },
};
