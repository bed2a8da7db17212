import { readChunk } from './chunk';

/** Text that is the same in JSON as it is in memory. */
const PLAIN = /^[^"\\\p{Cc}]+$/u;
const CONTENT = /"content":\s*"/;
const PROBE = 'a probe';
/** A provider whose chunks differ in more than their text is not looked at for ever. */
const ATTEMPTS = 3;

/**
 * The part of a stream's events that is the same in all of them: everything around the text. An event in the same frame as one
 * that was parsed says the same but for its text, which can then be taken as it is.
 */
export class ChunkFrame {
  private before = '';
  private behind = '';
  private attempts = 0;

  /** Characters of an event besides its text. */
  get size(): number {
    return this.before.length + this.behind.length;
  }

  /** The text of the event that begins there and says nothing else; undefined for one that must be parsed, or is not whole. */
  textAt(stream: string, at: number): string | undefined {
    const { before, behind } = this;
    if (!before || !stream.startsWith(before, at)) return undefined;
    const from = at + before.length;
    const to = stream.indexOf('"', from);
    if (to < 0 || !stream.startsWith(behind, to)) return undefined;
    const text = stream.slice(from, to);
    return PLAIN.test(text) ? text : undefined;
  }

  /** Looks at a chunk that had to be parsed, the data of its event. */
  learn(data: string): void {
    if (this.attempts === ATTEMPTS) return;
    const start = CONTENT.exec(data);
    if (!start) return;
    this.attempts++;
    const from = start.index + start[0].length;
    const to = data.indexOf('"', from);
    if (to < 0) return;
    const [before, behind] = [data.slice(0, from), data.slice(to)];
    if (!isFrame(before, behind)) return;
    this.before = `data: ${before}`;
    this.behind = `${behind}\n\n`;
  }
}

/** Whether a text between the two is all that such a chunk says. */
function isFrame(before: string, behind: string): boolean {
  try {
    const { text, reasoning, finishReason, usage } = readChunk(JSON.parse(before + PROBE + behind));
    return text === PROBE && reasoning === '' && finishReason === null && usage === null;
  } catch {
    return false;
  }
}
