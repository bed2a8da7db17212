import { computed, ref, shallowRef } from 'vue';
import { explain } from '../../api/explain';
import type { Answer } from './use-action';

interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

/** A list of the service, page by page. */
export function usePages<T extends { id: string }>(read: (cursor?: string) => Promise<Answer<Page<T>>>) {
  const items = shallowRef<T[]>([]);
  const next = ref<string | null>(null);
  const isLoading = ref(true);
  const failure = ref('');
  let asked = 0;

  async function add(cursor?: string): Promise<void> {
    const number = ++asked;
    isLoading.value = true;
    failure.value = '';
    try {
      const { data, error } = await read(cursor);
      if (number !== asked) return;
      if (!data) failure.value = explain(error);
      else {
        items.value = cursor === undefined ? data.data : [...items.value, ...data.data];
        next.value = data.next_cursor;
      }
    } catch (error) {
      if (number === asked) failure.value = explain(error);
    } finally {
      if (number === asked) isLoading.value = false;
    }
  }

  return {
    items,
    isLoading,
    failure,
    hasMore: computed(() => next.value !== null),
    load: () => add(),
    loadMore: async () => {
      if (next.value !== null && !isLoading.value) await add(next.value);
    },
    /** The same thing as it is now. */
    put: (item: T) => (items.value = items.value.map((each) => (each.id === item.id ? item : each))),
    remove: (id: string) => (items.value = items.value.filter((each) => each.id !== id)),
  };
}

export type Pages = Pick<
  ReturnType<typeof usePages>,
  'items' | 'isLoading' | 'failure' | 'hasMore' | 'load' | 'loadMore'
>;
