/** How a successful response is to be read. */
export type BodyKind = 'events' | 'whole';

const FIELDS = [':', 'data:', 'event:', 'id:', 'retry:', 'error:'];

/**
 * What a body is by its first bytes: gateways send events as `text/plain`, `application/json` or without a type, and JSON or a page as
 * events. Undefined if these bytes do not tell.
 */
export function kindOf(first: Buffer, isEventType: boolean): BodyKind | undefined {
  const text = first
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (text === '' || /^\[\s*$/.test(text)) return undefined;
  if (/^(\{|<|\[\s*[{"])/.test(text)) return 'whole';
  if (isEventType || FIELDS.some((field) => text.startsWith(field))) return 'events';
  return FIELDS.some((field) => field.startsWith(text)) ? undefined : 'whole';
}
