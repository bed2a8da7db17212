import { setImmediate as nextTurn } from 'node:timers/promises';
import { readTokens, type ReadUntil } from './tokens';

/**
 * Stands before each lexeme of a document and of a query: whoever stores or asks replaces it with what keeps these lexemes apart from
 * others in the same index (`withPrefix`). No lexeme contains it.
 */
export const PREFIX_MARK = '~';

/** Of one document: PostgreSQL takes a tsvector of up to 1 MiB, lexemes and positions together. */
const MOST_LEXEMES = 16_384;
const MOST_BYTES = 600_000;
/** What a tsvector takes for a lexeme besides its bytes, with room for a prefix. */
const BYTES_OF_LEXEME = 28;
/** PostgreSQL keeps no more positions of a lexeme, and none beyond. */
const MOST_POSITIONS = 255;
const LAST_POSITION = 16_383;
/** UTF-16 code units that are read before others have their turn. */
const STRETCH = 16_384;

/** How important the words of a document are when hits are ranked, as PostgreSQL names it. */
export type Weight = 'A' | 'D';

/**
 * A text as the text of a PostgreSQL tsvector, whose lexemes begin with `PREFIX_MARK`. A text with more different words, or rarer ones, than a
 * tsvector holds is stored with its first ones. A long text is read in stretches, so that it keeps nobody waiting.
 * @param labels lexemes that no word has, which say what the document is
 */
export async function documentOf(
  text: string,
  weight: Weight,
  labels: readonly string[] = [],
): Promise<string> {
  const document = new LexemeList();
  let read: ReadUntil = { position: 1, index: 0 };
  for (;;) {
    const until = read.index + STRETCH;
    read = readTokens(text, document.add, { position: read.position, from: read.index, until });
    if (read.index >= text.length || document.isFull) break;
    await nextTurn();
  }
  return document.literal(weight, labels);
}

class LexemeList {
  private readonly positions = new Map<string, number[]>();
  private bytes = 0;

  get isFull(): boolean {
    return this.positions.size >= MOST_LEXEMES || this.bytes >= MOST_BYTES;
  }

  readonly add = (lexeme: string, position: number): void => {
    const at = Math.min(position, LAST_POSITION);
    const known = this.positions.get(lexeme);
    if (known) {
      if (known.length >= MOST_POSITIONS || known[known.length - 1] === at) return;
      known.push(at);
      this.bytes += 2;
    } else if (!this.isFull) {
      this.positions.set(lexeme, [at]);
      this.bytes += BYTES_OF_LEXEME + Buffer.byteLength(lexeme);
    }
  };

  literal(weight: Weight, labels: readonly string[]): string {
    const marked = weight === 'D' ? '' : weight;
    const words = Array.from(
      this.positions,
      ([lexeme, at]) => `${quoted(lexeme)}:${at.join(`${marked},`)}${marked}`,
    );
    return [...labels.map(quoted), ...words].join(' ');
  }
}

/** A lexeme in the text of a tsvector or tsquery. Lexemes have neither quotes nor backslashes (`plainOf`). */
export function quoted(lexeme: string): string {
  return `'${PREFIX_MARK}${lexeme}'`;
}

/** SQL for the text of a document or query, with its own prefix in each lexeme; `prefix` is SQL as well. */
export function withPrefix(text: string, prefix: string): string {
  return `replace(${text}, '${PREFIX_MARK}', ${prefix})`;
}
