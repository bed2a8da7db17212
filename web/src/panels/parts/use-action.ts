import { ref } from 'vue';
import { useI18n } from 'vue-i18n';
import { problemOf } from '../../api/problem';

/** What a call of the client comes back with. */
export interface Answer<T> {
  data?: T;
  error?: unknown;
}

/** Calls that a person has asked for, one at a time, and what went wrong with the last of them, in words. */
export function useAction() {
  const explain = useExplanation();
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

/** What went wrong and what to do, in words. */
export function useExplanation(): (error: unknown) => string {
  const i18n = useI18n();
  return (error) => {
    const { code, detail, fields } = problemOf(error);
    if (i18n.te(`problems.${code}`)) return i18n.t(`problems.${code}`);
    return fields.length > 0 ? fields.map(({ path, message }) => `${path}: ${message}`).join(' ') : detail;
  };
}
