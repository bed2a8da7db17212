import { randomInt } from 'node:crypto';

/** Characters in a row that two texts must have in common for one to quote the other. */
export const QUOTATION = 12;

const BUCKETS = 2 ** 16;
/** Of a polynomial hash; odd, and another one in each process, so that nobody can write texts that collide. */
const BASE = randomInt(2 ** 24, 2 ** 31) | 1;
const BASE_OF_OLDEST = powerOf(BASE, QUOTATION);
const MOST_ESCAPINGS = 2;
const ESCAPE = /\\(?:u([0-9a-f]{4})|([^]))/iy;
const CONTROL: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

/** From the first character to the one behind the last. */
export type Span = [from: number, to: number];

/** Words as they are or with their escapes resolved. */
interface Form {
  text: string;
  /** Where each of its characters begins in the words, and where they end. */
  places: number[];
}

/**
 * Where `words` quote one of the texts: as it is, or as JSON writes it, also as JSON within JSON. The words are short, the texts may be
 * megabytes: they are read once, a few nanoseconds a character, and most of them are only hashed.
 */
export function quotationsIn(words: string, texts: Iterable<string>): Span[] {
  const pieces = new Pieces();
  for (const form of formsOf(words)) pieces.add(form);
  const found: Span[] = [];
  for (const text of texts) pieces.findIn(text, found);
  return found;
}

/** All pieces of the words that are as long as a quotation is at least. */
class Pieces {
  private readonly spans = new Map<string, Span[]>();
  /** How many pieces have a hash of this bucket: nearly all places of a text fall into one without any. */
  private readonly buckets = new Uint16Array(BUCKETS);

  add({ text, places }: Form): void {
    for (let at = 0; at + QUOTATION <= text.length; at++) {
      const piece = text.slice(at, at + QUOTATION);
      const span: Span = [places[at], places[at + QUOTATION]];
      const known = this.spans.get(piece);
      if (known) {
        known.push(span);
        continue;
      }
      this.spans.set(piece, [span]);
      this.buckets[bucketOf(hashOf(piece))]++;
    }
  }

  /** Adds the spans of what is in the text. Each piece is found once, so that a text of nothing but one of them costs no more. */
  findIn(text: string, found: Span[]): void {
    if (text.length < QUOTATION) return;
    let hash = hashOf(text.slice(0, QUOTATION - 1));
    for (let end = QUOTATION; end <= text.length && this.spans.size > 0; end++) {
      hash = (Math.imul(hash, BASE) + text.charCodeAt(end - 1)) | 0;
      const start = end - QUOTATION;
      if (start > 0) hash = (hash - Math.imul(text.charCodeAt(start - 1), BASE_OF_OLDEST)) | 0;
      const bucket = bucketOf(hash);
      if (this.buckets[bucket] === 0) continue;
      const piece = text.slice(start, end);
      const spans = this.spans.get(piece);
      if (!spans) continue;
      found.push(...spans);
      this.spans.delete(piece);
      this.buckets[bucket]--;
    }
  }
}

function formsOf(words: string): Form[] {
  const forms: Form[] = [{ text: words, places: Array.from({ length: words.length + 1 }, (_, at) => at) }];
  for (let last = forms[0]; last.text.includes('\\') && forms.length <= MOST_ESCAPINGS; forms.push(last))
    last = unescaped(last);
  return forms;
}

function unescaped({ text, places }: Form): Form {
  const form: Form = { text: '', places: [] };
  for (let at = 0; at < text.length;) {
    ESCAPE.lastIndex = at;
    const [whole, code, character] = ESCAPE.exec(text) ?? [text[at], undefined, text[at]];
    form.places.push(places[at]);
    if (code !== undefined) form.text += String.fromCharCode(parseInt(code, 16));
    else form.text += (whole.length > 1 && CONTROL[character]) || character;
    at += whole.length;
  }
  form.places.push(places[text.length]);
  return form;
}

function hashOf(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, BASE) + text.charCodeAt(at)) | 0;
  return hash;
}

/** The upper bits, to which every character has contributed. */
function bucketOf(hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> 16;
}

function powerOf(base: number, exponent: number): number {
  let power = 1;
  for (let i = 0; i < exponent; i++) power = Math.imul(power, base);
  return power;
}
