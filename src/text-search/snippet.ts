import { isUnspaced, readTokens } from './tokens';
import { isAt, type Step, type Term, type TextQuery } from './text-query';

/** UTF-16 code units. */
const LENGTH = 200;
/** Shown before the first hit. */
const BEFORE = 60;
/** Places that are remembered of one text. */
const MOST_PLACES = 1_000;

export interface Snippet {
  /** Plain text on one line; `…` where more is. */
  text: string;
  /** What was looked for, in UTF-16 code units of `text`: from, and up to. */
  highlights: [number, number][];
}

type Range = [start: number, end: number];

/** A stretch of a text with as many different ones of what was looked for as fit, and where they are in it. Without any, its beginning. */
export function snippetOf(text: string, { wanted }: TextQuery): Snippet {
  const found = placesOf(text, wanted);
  const [start, end] = best(text, found);
  const shown = found
    .flatMap(({ ranges }) => ranges)
    .filter((range) => range[0] < end && range[1] > start)
    .map((range): Range => [Math.max(range[0], start), Math.min(range[1], end)]);
  return onOneLine(text, [start, end], joined(shown));
}

/** A place at which a term is. */
interface Place {
  term: number;
  start: number;
  end: number;
  ranges: Range[];
}

/** Where the terms are, in the order of the text. */
function placesOf(text: string, terms: readonly Term[]): Place[] {
  const steps = terms.flatMap((term) => [...term]);
  const initials = new Set(steps.flatMap(initialsOf));
  const tokens: { lexeme: string; position: number; range: Range }[] = [];
  const at = new Map<number, typeof tokens>();
  const read = (from: number, position: number, until: number) =>
    readTokens(
      text,
      (lexeme, place, start, end) => {
        if (tokens.length >= MOST_PLACES || !steps.some((step) => isAt(step, lexeme))) return;
        const token = { lexeme, position: place, range: [start, end] as Range };
        tokens.push(token);
        at.set(place, [...(at.get(place) ?? []), token]);
      },
      { from, position, until, wants: (character) => initials.has(character) },
    );
  for (let next = { index: 0, position: 1 }; next.index < text.length && tokens.length < MOST_PLACES;)
    next = read(next.index, next.position, next.index + 16_384);

  const places: Place[] = [];
  for (const [number, term] of terms.entries())
    for (const token of tokens) {
      if (!isAt(term[0], token.lexeme)) continue;
      const ranges = term.map((step) =>
        at.get(token.position + step.offset)?.find(({ lexeme }) => isAt(step, lexeme)),
      );
      if (!ranges.every((each) => each !== undefined)) continue;
      const all = ranges.map(({ range, lexeme }, index) => within(range, lexeme, term[index]));
      places.push({ term: number, start: all[0][0], end: all[all.length - 1][1], ranges: all });
    }
  return places.sort((a, b) => a.start - b.start);
}

/** Of two characters that stand for one place, the first, where that is what was looked for. */
function within([start, end]: Range, found: string, { lexeme }: Step): Range {
  const isPart = isUnspaced(found) && lexeme.length < found.length && found.length === end - start;
  return [start, isPart ? start + lexeme.length : end];
}

function initialsOf({ lexeme, begins }: Step): string[] {
  return [lexeme, ...(begins?.others ?? [])].map((each) => each.charAt(0));
}

/** The stretch that begins near a place and has the most terms; the first such one. */
function best(text: string, places: readonly Place[]): Range {
  let chosen = places.at(0);
  let most = 0;
  for (const [index, place] of places.entries()) {
    const terms = new Set<number>();
    for (let next = index; next < places.length && places[next].end <= place.start + LENGTH - BEFORE; next++)
      terms.add(places[next].term);
    if (terms.size > most) [most, chosen] = [terms.size, place];
  }
  const from = chosen ? Math.max(0, Math.min(chosen.start - BEFORE, text.length - LENGTH)) : 0;
  return [beginningOf(text, from), endOf(text, from + LENGTH)];
}

/** At a word, where one begins soon; never within a character. */
function beginningOf(text: string, from: number): number {
  if (from === 0) return 0;
  const blank = /\s/.exec(text.slice(from - 1, from + 20));
  if (blank) return from + blank.index;
  return isInside(text, from) ? from + 1 : from;
}

function endOf(text: string, to: number): number {
  if (to >= text.length) return text.length;
  const blank = text.slice(to - 20, to + 1).search(/\s\S*$/);
  if (blank >= 0) return to - 20 + blank;
  return isInside(text, to) ? to - 1 : to;
}

/** Between the two halves of a surrogate pair. */
function isInside(text: string, index: number): boolean {
  return /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(text.slice(index - 1, index + 1));
}

/** Without overlaps; what touches is one. */
function joined(ranges: Range[]): Range[] {
  const result: Range[] = [];
  for (const [start, end] of ranges.sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else result.push([start, end]);
  }
  return result;
}

function onOneLine(text: string, [start, end]: Range, ranges: readonly Range[]): Snippet {
  let line = start > 0 ? '…' : '';
  const places = new Map<number, number>();
  for (let index = start; index < end; index++) {
    places.set(index, line.length);
    const character = text[index];
    if (!/[\s\p{Cc}]/u.test(character)) line += character;
    else if (line && !line.endsWith(' ') && line !== '…') line += ' ';
  }
  const length = line.trimEnd().length;
  line = line.slice(0, length) + (end < text.length ? '…' : '');
  return {
    text: line,
    highlights: ranges.map(([from, to]) => [
      places.get(from) ?? 0,
      Math.min(places.get(to) ?? length, length),
    ]),
  };
}
