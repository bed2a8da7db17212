import { isSecretFile, SECRETS } from './secret-files';
import { VARIABLES } from './variables';

/** Shorter names are like too many others: one letter may differ, or two may have changed places. */
const SHORT = 6;
const MOST_DIFFERENT = 0.25;

/** What other programs call the same thing. */
const ELSEWHERE: ReadonlyMap<string, keyof typeof VARIABLES> = new Map([
  ['OPENAI_API_BASE', 'OPENAI_BASE_URL'],
  ['OPENAI_API_URL', 'OPENAI_BASE_URL'],
  ['OPENAI_URL', 'OPENAI_BASE_URL'],
  ['OPENAI_HOST', 'OPENAI_BASE_URL'],
  ['OPENAI_TOKEN', 'OPENAI_API_KEY'],
  ['DB_URL', 'DATABASE_URL'],
  ['POSTGRES_URL', 'DATABASE_URL'],
  ['PG_URL', 'DATABASE_URL'],
  ['DATA_PATH', 'DATA_DIR'],
  ['DATA_DIRECTORY', 'DATA_DIR'],
  ['PROXY_SECRET', 'AUTH_PROXY_SECRET'],
]);
const OWN_PREFIX = 'PARLEY_';
/** What shells and terminals have, however near it is. */
const FOREIGN = new Set(['PAGER']);

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
  const ours = [...Object.keys(VARIABLES), ...SECRETS.map((name) => `${name}_FILE`)];
  return Object.keys(env).flatMap((name) => {
    if (ours.includes(name) || isUsed(name) || isSecretFile(name, isUsed)) return [];
    const nearest = ELSEWHERE.get(name) ?? withoutPrefix(name, ours) ?? nearestOf(name, ours);
    return nearest === undefined ? [] : [{ name, nearest }];
  });
}

/** Each does something only where one of the others is set. */
const IDLE_WITHOUT: Readonly<Partial<Record<keyof typeof VARIABLES, (keyof typeof VARIABLES)[]>>> = {
  OPENAI_MODEL: ['OPENAI_API_KEY', 'OPENAI_BASE_URL'],
  METRICS_HOST: ['METRICS_PORT'],
  SMTP_FROM: ['SMTP_URL'],
};

/** Variables that are set and do nothing, each with those of which one is missing. */
export function idleVariables(env: NodeJS.ProcessEnv): { name: string; without: string[] }[] {
  return Object.entries(IDLE_WITHOUT).flatMap(([name, without]) =>
    env[name] && !without.some((other) => env[other] || env[`${other}_FILE`]) ? [{ name, without }] : [],
  );
}

function withoutPrefix(name: string, ours: readonly string[]): string | undefined {
  return ours.find((each) => name === `${OWN_PREFIX}${each}`);
}

function nearestOf(name: string, ours: readonly string[]): string | undefined {
  if (FOREIGN.has(name)) return undefined;
  const [{ nearest, changes }] = ours
    .map((each) => ({ nearest: each, changes: changesOf(plain(name), plain(each)) }))
    .toSorted((a, b) => a.changes - b.changes);
  const lengths = [plain(name).length, plain(nearest).length];
  const most = Math.min(...lengths) < SHORT ? 1 : MOST_DIFFERENT * Math.max(...lengths);
  return changes <= most ? nearest : undefined;
}

const plain = (name: string) => name.replaceAll('_', '').toUpperCase();

/** How many letters have to be changed, added or taken away, or neighbours exchanged (Damerau and Levenshtein). */
function changesOf(a: string, b: string): number {
  let [before, row]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length];
}
