import { stemmer } from 'stemmer';

/**
 * One way to see a stretch of a text. Words have one token, or several at the same position: an identifier, itself and its parts. A run of a script
 * that is written without blanks has one for each two characters, and one for its last character, so that each of its characters begins one.
 * @param start, end UTF-16 code units of the text
 */
export type OnToken = (lexeme: string, position: number, start: number, end: number) => void;

/** Longer words are told apart by so many characters. */
export const LONGEST_LEXEME = 64;
/** Parts of an identifier that are tokens of their own. */
const MOST_PARTS = 16;

const WORD = /[\p{L}\p{M}\p{N}_]+/gu;
const ASCII = /^[\0-\x7f]+$/;
const STEMMED = /^[a-z]{3,}$/;
const LETTER = /[\p{L}\p{N}]/u;
const NO_WORD = /[^\p{L}\p{M}\p{N}_]+/gu;
/** Scripts whose words stand without blanks between them, and Hangul, whose particles stand with the words. */
const UNSPACED =
  /[[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Hangul}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]&&[\p{L}\p{M}\p{N}]]+/gv;
const IS_UNSPACED =
  /[[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Hangul}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]&&[\p{L}\p{M}\p{N}]]/v;
/** Scripts whose marks may be left out by who writes. */
const MARKS_OPTIONAL =
  /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Arabic}\p{Script=Hebrew}]/u;
const COMPOUND = /_|[\p{Ll}\p{N}]\p{Lu}|\p{Lu}\p{Lu}\p{Ll}/u;
const PART = /\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{Lo}\p{Lm}\p{Lt}\p{M}]+|\p{N}+/gu;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** How one goes through a text that may be long. */
export interface ReadOptions {
  /** Position of its first token; 1 unless given. */
  position?: number;
  /** Where to begin, in UTF-16 code units: between words. */
  from?: number;
  /** Stops at the first word that begins here or later. */
  until?: number;
  /** Tells of a lower-case first character whether such words are wanted; a word that is not wanted has no token, but keeps its position. */
  wants?: (character: string) => boolean;
}

/** Where reading a text has stopped. */
export interface ReadUntil {
  position: number;
  /** UTF-16 code units; the length of the text at its end. */
  index: number;
}

/**
 * The tokens of a text in their order, positions ascending. English words are stemmed; letters are told apart neither by case nor by the
 * width or the accents with which they are written. The same for every language, database and locale, so that what was stored can be looked for.
 */
export function readTokens(text: string, on: OnToken, reading: ReadOptions = {}): ReadUntil {
  const { from = 0, until = Infinity, wants } = reading;
  let { position = 1 } = reading;
  WORD.lastIndex = from;
  for (let match = WORD.exec(text); match; match = WORD.exec(text)) {
    const [word] = match;
    const { index } = match;
    if (index >= until) return { position, index };
    // `lastIndex` is of the expression, which whoever is called may use as well.
    const next = WORD.lastIndex;
    const place = { start: index, position };
    position = ASCII.test(word) ? readWord(word, place, on, wants) : readScripts(word, place, on, wants);
    WORD.lastIndex = next;
  }
  return { position, index: text.length };
}

/** Where a word begins. */
interface Place {
  start: number;
  position: number;
}

/** Answers the position after it. */
function readWord(
  word: string,
  { start, position }: Place,
  on: OnToken,
  wants: ReadOptions['wants'],
): number {
  // Such as the selector that follows an emoji, which is a mark on nothing.
  if (!LETTER.test(word)) return position;
  const isCompound = COMPOUND.test(word);
  if (wants && !isCompound && !wants(firstOf(word))) return position + 1;
  const lexeme = lexemeOf(word);
  if (!lexeme) return position;
  on(lexeme, position, start, start + word.length);
  if (isCompound) readParts(word, lexeme, { start, position }, on);
  return position + 1;
}

/** Of `getUserById` or `user_id`. */
function readParts(word: string, whole: string, { start, position }: Place, on: OnToken): void {
  let count = 0;
  for (const part of word.matchAll(PART)) {
    const lexeme = lexemeOf(part[0]);
    if (lexeme && lexeme !== whole)
      on(lexeme, position, start + part.index, start + part.index + part[0].length);
    if (++count === MOST_PARTS) return;
  }
}

/** A word that may change from a script with blanks to one without and back. */
function readScripts(
  word: string,
  { start, position: from }: Place,
  on: OnToken,
  wants: ReadOptions['wants'],
): number {
  let position = from;
  let done = 0;
  for (const run of word.matchAll(UNSPACED)) {
    if (run.index > done)
      position = readWord(word.slice(done, run.index), { start: start + done, position }, on, wants);
    position = readRun(run[0], start + run.index, position, on);
    done = run.index + run[0].length;
  }
  return done < word.length
    ? readWord(word.slice(done), { start: start + done, position }, on, wants)
    : position;
}

function readRun(run: string, start: number, position: number, on: OnToken): number {
  const characters = charactersOf(run, start);
  for (const [index, { text, start: begins, end }] of characters.entries()) {
    const next = characters.at(index + 1);
    if (next) on(text + next.text, position + index, begins, next.end);
    else on(text, position + index, begins, end);
  }
  return position + characters.length;
}

interface Character {
  text: string;
  start: number;
  end: number;
}

function charactersOf(run: string, start: number): Character[] {
  const characters: Character[] = [];
  const add = (plain: string, from: number, length?: number) => {
    for (const text of plain) {
      characters.push({ text, start: from, end: from + (length ?? text.length) });
      if (length === undefined) from += text.length;
    }
  };
  if (run.normalize('NFKC').toLowerCase() === run) add(run, start);
  else
    for (const { segment, index } of graphemes.segment(run))
      add(segment.normalize('NFKC').toLowerCase(), start + index, segment.length);
  return characters;
}

function firstOf(word: string): string {
  return plainOf(word.slice(0, 2)).charAt(0);
}

function lexemeOf(word: string): string {
  const plain = plainOf(word.slice(0, 2 * LONGEST_LEXEME));
  if (STEMMED.test(plain)) return cut(stemmer(cut(plain)));
  return cut(plain);
}

/** Whether it is of a run of characters, not a word. */
export function isUnspaced(lexeme: string): boolean {
  return IS_UNSPACED.test(lexeme);
}

/** A word as it is compared: in lower case, without what is only another way to write it. */
export function plainOf(word: string): string {
  if (ASCII.test(word)) return word.toLowerCase();
  const plain = word.normalize('NFKC').toLowerCase();
  const bare = MARKS_OPTIONAL.test(plain)
    ? plain
        .normalize('NFD')
        .replace(/[\p{Mn}\u0640]+/gu, '')
        .normalize('NFC')
        .replaceAll('ß', 'ss')
        .replaceAll('ς', 'σ')
    : plain;
  return bare.replace(NO_WORD, '');
}

function cut(word: string): string {
  if (word.length <= LONGEST_LEXEME) return word;
  const beginning = word.slice(0, LONGEST_LEXEME);
  return beginning.isWellFormed() ? beginning : beginning.slice(0, -1);
}
