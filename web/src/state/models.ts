import { listModels, type Model } from '@client';
import { computed, shallowRef } from 'vue';
import { preferredModel } from './preferences';

const list = shallowRef<Model[]>([]);
const standard = computed(() => list.value.find(({ is_default }) => is_default) ?? list.value[0]);

export const models = {
  list,
  /** Of new conversations. */
  chosen: computed(() => list.value.find(({ id }) => id === preferredModel.value) ?? standard.value),
  find: (id: string | null | undefined) => list.value.find((model) => model.id === id),
  standard,
  async load(): Promise<void> {
    const found: Model[] = [];
    const { data } = await listModels();
    if (data) list.value = found.concat(data.data);
  },
};
