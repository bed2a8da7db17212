import { quoted } from './document';
import { isUnspaced, LONGEST_LEXEME, plainOf, readTokens } from './tokens';
import { stemsBegunBy } from './word-beginnings';

/** What stands at a place of what is looked for. */
export interface Step {
  /** Places after the first one. */
  offset: number;
  lexeme: string;
  /** The last word may go on: also lexemes that begin with it, and these. */
  begins?: { others: ReadonlySet<string> };
}

/** A word, or words that stand one after the other. */
export type Term = readonly Step[];

/** What is looked for: all of `wanted` and none of `unwanted`. */
export interface TextQuery {
  wanted: readonly Term[];
  unwanted: readonly Term[];
}

const PIECE = /(?<not>-?)(?:["“”„＂](?<phrase>[^"“”„＂]*)(?<closed>["“”„＂]?)|(?<words>[^\s"“”„＂]+))/gu;

/**
 * Reads what a person has typed: words, all of which are looked for, `"a phrase"`, `-unwanted`; the last word may be the beginning of one. What is written
 * without a blank (`state-of-the-art`, `知识库`) is looked for as it stands. Nothing that can be typed is an error: what is neither letter nor digit
 * separates, and a phrase that is not closed ends at the end.
 */
export function parseQuery(text: string): TextQuery {
  const wanted: Term[] = [];
  const unwanted: Term[] = [];
  for (const { groups = {}, index, 0: piece } of text.matchAll(PIECE)) {
    const isPhrase = groups.phrase !== undefined;
    // A minus within what stands without a blank is no minus: `"a"-b`.
    const isUnwanted = groups.not === '-' && !/\S/.test(text.charAt(index - 1));
    const isLast = text.slice(index + piece.length).trim() === '';
    const mayGoOn = isLast && !isUnwanted && !(isPhrase && groups.closed);
    const term = termOf(groups.phrase ?? groups.words, mayGoOn);
    if (term.length) (isUnwanted ? unwanted : wanted).push(term);
  }
  return { wanted, unwanted };
}

/** Whether a lexeme is what stands at a place. */
export function isAt({ lexeme, begins }: Step, found: string): boolean {
  if (!begins) return found === lexeme;
  return found.startsWith(lexeme) || begins.others.has(found);
}

/** How many lexemes an index is asked for. */
export function sizeOf({ wanted, unwanted }: TextQuery): number {
  return [...wanted, ...unwanted].reduce((count, term) => count + term.length, 0);
}

/** The query as the text of a tsquery, whose lexemes have `PREFIX_MARK`. @param labels that a document must have (`documentOf`) */
export function tsqueryOf({ wanted, unwanted }: TextQuery, labels: readonly string[] = []): string {
  const conditions = [
    ...labels.map(quoted),
    ...wanted.map(asText),
    ...unwanted.map((term) => `!(${asText(term)})`),
  ];
  return conditions.join(' & ');
}

function asText(term: Term): string {
  return term.reduce((text, step, index) => {
    const own = stepText(step);
    return index === 0 ? own : `${text} <${step.offset - term[index - 1].offset}> ${own}`;
  }, '');
}

function stepText({ lexeme, begins }: Step): string {
  if (!begins) return quoted(lexeme);
  const all = [`${quoted(lexeme)}:*`, ...Array.from(begins.others, quoted)];
  return all.length > 1 ? `(${all.join(' | ')})` : all[0];
}

function termOf(text: string, mayGoOn: boolean): Term {
  const steps: (Step & { start: number; end: number })[] = [];
  readTokens(text, (lexeme, position, start, end) => {
    const last = steps.at(-1);
    // Parts of an identifier stand where it stands; the last character of a run is in what the two before it say.
    if (last?.offset === position || (last?.end === end && isUnspaced(lexeme))) return;
    steps.push({ offset: position, lexeme, start, end });
  });
  return steps.map(({ offset, lexeme, start, end }, index) => {
    const step = { offset: offset - steps[0].offset, lexeme };
    if (index < steps.length - 1) return step;
    // Of a single character, which may be two code units, so that it is found within a run.
    if (isUnspaced(lexeme))
      return Array.from(lexeme).length > 1 ? step : { ...step, begins: { others: new Set() } };
    if (!mayGoOn) return step;
    const typed = plainOf(text.slice(start, end)).slice(0, LONGEST_LEXEME);
    return { ...step, lexeme: typed, begins: { others: stemsBegunBy(typed) } };
  });
}
