import { isSecretFile, SECRETS } from './secret-files';
import { VARIABLES } from './variables';

/** Shorter names are like too many others. */
const SHORTEST = 6;
const MOST_DIFFERENT = 0.25;

export interface UnknownVariable {
  name: string;
  /** The variable that is probably meant. */
  nearest: string;
}

/**
 * Variables of the environment that look like ours and are none: `OPEN_AI_KEY` for `OPENAI_API_KEY`. They would be ignored without a word.
 * @param isUsed whether a name that is not in the table is read all the same, e.g. as the key of a provider in `MODELS_FILE`
 */
export function unknownVariables(
  env: NodeJS.ProcessEnv,
  isUsed: (name: string) => boolean = () => false,
): UnknownVariable[] {
  const files = SECRETS.map((name) => `${name}_FILE`);
  const ours = [...Object.keys(VARIABLES), ...files].filter((name) => name.length >= SHORTEST);
  return Object.keys(env).flatMap((name) => {
    if (name in VARIABLES || name.length < SHORTEST || isUsed(name) || isSecretFile(name, isUsed)) return [];
    const [best] = ours
      .map((nearest) => ({ name, nearest, difference: differenceOf(plain(name), plain(nearest)) }))
      .toSorted((a, b) => a.difference - b.difference);
    return best.difference <= MOST_DIFFERENT ? [{ name, nearest: best.nearest }] : [];
  });
}

const plain = (name: string) => name.replaceAll('_', '').toUpperCase();

/** Share of the longer text that has to be changed for the other one (Levenshtein). */
function differenceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length] / Math.max(a.length, b.length);
}
