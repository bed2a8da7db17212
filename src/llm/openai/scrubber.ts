import { PROVIDER_BOUNDS } from '../../config/bounds';
import type { ProviderConfig } from '../../config/models-config';
import type { ModelRequest } from '../llm-client';
import { QUOTATION, quotationsIn, type Span } from './quotations';

const { words: shownWords, comparedCharacters } = PROVIDER_BOUNDS;
/** So much is looked at to show the first of it: secrets and quotations take the most room. */
const LOOKED_AT = 4 * shownWords.limit;
const SHORTEST_SECRET = 4;
/** What looks like a key, also with its middle hidden. */
const KEY = /\b(sk|pk|key)-[\w*-]{6,}/gi;
const HIDDEN = '***';
/** White space, and what terminals act upon or do not show. */
const UNSHOWN = /[\s\p{Cc}\p{Cf}\p{Cs}]+/gu;

/** What a request says; its texts are what a refusal may quote. */
export type SentRequest = Pick<ModelRequest, 'messages' | 'settings'>;

/**
 * Removes from what a provider writes its secrets, since some quote the key that they refuse, and what the request says, since some quote
 * the prompt that they refuse.
 */
export class Scrubber {
  private readonly secrets: string[];
  private readonly baseUrl: string;
  /** Comparing takes time, and a failure's words are asked for again. Made for a failure only. */
  private cleanWords: Map<string, boolean> | undefined;
  /** What is no JSON may be a page of anything, and a user has named the host: nothing of it is kept. */
  readonly keepsPages: boolean;

  constructor(
    { apiKey, headers, baseUrl = '', guarded }: ProviderConfig,
    private readonly sent?: SentRequest,
  ) {
    const values = [apiKey, ...Object.values(headers)];
    this.secrets = values.filter((value): value is string => (value?.length ?? 0) >= SHORTEST_SECRET);
    this.baseUrl = baseUrl;
    this.keepsPages = !guarded;
  }

  /** At most `PROVIDER_BOUNDS.words` characters on one line; undefined for none, and if the request is too long to be compared with them. */
  text(text: string): string | undefined {
    const words = text.slice(0, LOOKED_AT);
    const hidden = this.hiddenIn(words);
    if (!hidden) return undefined;
    // Where it was cut, the beginning of something that is to be hidden is not recognised.
    const unsure =
      text.length > words.length ? Math.max(QUOTATION, ...this.secrets.map((one) => one.length)) : 0;
    let shown = '';
    for (let at = 0; at < words.length - unsure && shown.length < shownWords.limit; at++) {
      if (!hidden[at]) shown += words[at];
      else if (!hidden[at - 1]) shown += HIDDEN;
    }
    return shown.slice(0, shownWords.limit).replace(UNSHOWN, ' ').trim() || undefined;
  }

  /** A code or an id; undefined if it does not look like one or holds what is to be hidden. */
  word(word: string | null | undefined): string | undefined {
    if (!isWord(word)) return undefined;
    this.cleanWords ??= new Map();
    const isClean = this.cleanWords.get(word) ?? this.text(word) === word;
    this.cleanWords.set(word, isClean);
    return isClean ? word : undefined;
  }

  /** An id that is not compared with the request, which takes time that only a failure is worth. */
  id(id: string | null | undefined): string | undefined {
    return isWord(id) && !this.secretsIn(id).length ? id : undefined;
  }

  /** What is called for replies: without credentials, query, and keys in its path. */
  url(): string | undefined {
    if (!URL.canParse(this.baseUrl)) return undefined;
    const { origin, pathname } = new URL(this.baseUrl);
    let path = `${pathname.replace(/\/+$/, '')}/chat/completions`;
    for (const secret of this.secrets) path = path.replaceAll(secret, HIDDEN);
    return (origin + path.replace(KEY, HIDDEN)).slice(0, shownWords.limit);
  }

  /** Marks each character that must not be shown. */
  private hiddenIn(words: string): Uint8Array | undefined {
    const texts = words.length < QUOTATION ? [] : this.sentTexts();
    if (!texts) return undefined;
    const hidden = new Uint8Array(words.length);
    const spans = [...this.secretsIn(words), ...quotationsIn(words, [...this.secrets, ...texts])];
    for (const [from, to] of spans) hidden.fill(1, from, to);
    return hidden;
  }

  private secretsIn(words: string): Span[] {
    const keys = Array.from(words.matchAll(KEY), ({ 0: key, index }): Span => [index, index + key.length]);
    const known = this.baseUrl.length >= SHORTEST_SECRET ? [...this.secrets, this.baseUrl] : this.secrets;
    return [...keys, ...known.flatMap((secret) => placesOf(secret, words))];
  }

  /** Undefined if they are longer than what is compared. */
  private sentTexts(): string[] | undefined {
    const { messages = [], settings } = this.sent ?? {};
    const texts = [...messages.map(({ content }) => content), ...(settings?.stop ?? [])];
    const length = texts.reduce((sum, text) => sum + text.length, 0);
    return length <= comparedCharacters.limit ? texts : undefined;
  }
}

function isWord(word: string | null | undefined): word is string {
  return !!word && /^[\w.:/-]{1,80}$/.test(word);
}

function placesOf(part: string, text: string): Span[] {
  const places: Span[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1))
    places.push([at, at + part.length]);
  return places;
}
