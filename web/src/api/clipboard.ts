import { i18n } from '../locales/i18n';
import { toasts } from '../state/toasts';

/** Whether it was allowed. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    toasts.show({ kind: 'failure', text: i18n.global.t('failed.copy') });
    return false;
  }
}
