import { Random } from './random';

/** What a reply is to be. It travels in the user's message, so that the model server needs to know nothing else. */
export interface ReplyPlan {
  /** Names this reply among all of the run. */
  token: string;
  /** Who asks; appears in every word's neighbourhood, and must never appear where somebody else reads. */
  user: string;
  seed: number;
  words: number;
  /** Longest pause before a word. */
  pauseMs: number;
  /** Stop after so many words, at the first call, until the fault is over. */
  holdAfter?: number;
}

const MARK = 'Plan ';
/** Words that break what is careless with frames, bytes and markup. */
const WORDS = [
  'plain',
  'données',
  '你好',
  '👩‍👩‍👧',
  'data:',
  'id: 7',
  '\n\n',
  ': ping',
  '\\',
  '"',
  'end\r',
  '\u2028',
  '<b>',
];

/** The secret word of a user. */
export function canaryOf(user: string): string {
  return `canary-${user}`;
}

/** The user's message. */
export function contentOf(plan: ReplyPlan): string {
  const noise = wordsOf({ ...plan, seed: plan.seed + 1, words: 5 }).join('');
  return `${MARK}${JSON.stringify(plan)}\n${canaryOf(plan.user)} ${noise}`;
}

export function planIn(content: string): ReplyPlan | undefined {
  if (!content.startsWith(MARK)) return undefined;
  return JSON.parse(content.slice(MARK.length).split('\n', 1)[0]) as ReplyPlan;
}

/** The words that the model says, each of which is one delta. */
export function wordsOf({ token, user, seed, words }: ReplyPlan): string[] {
  const random = new Random(seed);
  return Array.from({ length: words }, (_, index) => {
    if (index === 0) return `${canaryOf(user)} says ${token}: `;
    return `${random.pick(WORDS)}${index} `;
  });
}

export function textOf(plan: ReplyPlan): string {
  return wordsOf(plan).join('');
}
