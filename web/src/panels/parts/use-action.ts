import { ref } from 'vue';
import { explain } from '../../api/explain';

/** What a call of the client comes back with. */
export interface Answer<T> {
  data?: T;
  error?: unknown;
}

/** Calls that a person has asked for, one at a time, and what went wrong with the last of them, in words. */
export function useAction() {
  const isBusy = ref(false);
  const wrong = ref('');

  /** Whether it was done. */
  async function run<T>(ask: () => Promise<Answer<T>>, onDone?: (data: T) => unknown): Promise<boolean> {
    if (isBusy.value) return false;
    isBusy.value = true;
    wrong.value = '';
    try {
      const { data, error } = await ask();
      if (error !== undefined) wrong.value = explain(error);
      else await onDone?.(data as T);
      return error === undefined;
    } catch (error) {
      wrong.value = explain(error);
      return false;
    } finally {
      isBusy.value = false;
    }
  }

  return { isBusy, wrong, run };
}
