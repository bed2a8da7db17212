import { i18n } from '../locales/i18n';
import { problemOf } from './problem';

/** What went wrong and what to do, in words. */
export function explain(error: unknown): string {
  const { code, detail, fields } = problemOf(error);
  if (i18n.global.te(`problems.${code}`)) return i18n.global.t(`problems.${code}`);
  return fields.length > 0 ? fields.map(({ path, message }) => `${path}: ${message}`).join(' ') : detail;
}
