const OPEN = '<think>';
const CLOSE = '</think>';

/** White space before the tag that is waited through. */
const MAX_BLANKS = 256;

export interface SplitText {
  reasoning: string;
  text: string;
}

/**
 * Separates the `<think>…</think>` with which some models begin their answer, wherever the tags are cut.
 * Anywhere else the tags are ordinary text: a model may well write about them. Where a template holds the first tag, the answer begins in the middle of
 * the thought.
 */
export class ThinkSplitter {
  private state: 'start' | 'thinking' | 'after' | 'text' = 'start';
  private held = '';

  /** @param open the answer begins with a thought, even without the tag */
  constructor(private readonly open = false) {}

  push(delta: string): SplitText {
    if (this.state === 'text') return { reasoning: '', text: delta };
    this.held += delta;
    if (this.state === 'start') this.decide();
    const reasoning = this.is('thinking') ? this.takeThought() : '';
    if (this.is('after')) this.skipBlanks();
    return { reasoning, text: this.is('text') ? this.takeAll() : '' };
  }

  /** What is still held back when the answer ends. */
  end(): SplitText {
    const rest = this.takeAll();
    const isThought = this.is('thinking') || (this.open && this.is('start'));
    return isThought ? { reasoning: rest, text: '' } : { reasoning: '', text: rest };
  }

  private is(state: ThinkSplitter['state']): boolean {
    return this.state === state;
  }

  /** Whether the answer begins with the tag; stays open while that cannot be told. */
  private decide(): void {
    const begin = this.held.trimStart();
    if (begin.startsWith(OPEN)) {
      this.state = 'thinking';
      this.held = begin.slice(OPEN.length);
    } else if (!OPEN.startsWith(begin) || this.held.length > MAX_BLANKS) {
      this.state = this.open ? 'thinking' : 'text';
    }
  }

  private takeThought(): string {
    const close = this.held.indexOf(CLOSE);
    const end = close < 0 ? this.held.length - partialTagLength(this.held) : close;
    const thought = this.held.slice(0, end);
    this.held = this.held.slice(close < 0 ? end : close + CLOSE.length);
    if (close >= 0) this.state = 'after';
    return thought;
  }

  /** The line breaks between the thought and the answer belong to neither. */
  private skipBlanks(): void {
    this.held = this.held.trimStart();
    if (this.held) this.state = 'text';
  }

  private takeAll(): string {
    const all = this.held;
    this.held = '';
    return all;
  }
}

/** How much of the end of `text` could be the beginning of `</think>`. */
function partialTagLength(text: string): number {
  for (let length = Math.min(CLOSE.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(CLOSE.slice(0, length))) return length;
  }
  return 0;
}
