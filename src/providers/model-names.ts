export const LONGEST_MODEL_NAME = 150;

/** As providers name models: never a line break or a space, so that the name stays a name wherever it is put. */
export function isModelName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_MODEL_NAME && /^[\x21-\x7e]+$/.test(value);
}
