import { callsTools, readChunk } from './chunk';

/** Text that is the same in JSON as it is in memory. */
const PLAIN = /^[^"\\\p{Cc}]+$/u;
const CONTENT = /"content":\s*"/;
const QUOTE = 34;
const PROBE = 'a probe';
/** A provider whose chunks differ in more than their text is not looked at for ever. */
const ATTEMPTS = 3;

/** The text of an event, and where the event ends. */
export interface FramedText {
  text: string;
  end: number;
}

/**
 * The part of a stream's events that is the same in all of them: everything around the text. An event in the same frame as one
 * that was parsed says the same but for its text, which can then be taken as it is.
 */
export class ChunkFrame {
  private before: Buffer | undefined;
  private behind = Buffer.alloc(0);
  private attempts = 0;

  /** The event that begins there, if it says its text and nothing else; undefined for one that must be parsed, or is not whole. */
  textAt(bytes: Buffer, at: number): FramedText | undefined {
    const { before, behind } = this;
    if (!before || !holds(bytes, at, before)) return undefined;
    const from = at + before.length;
    const to = bytes.indexOf(QUOTE, from);
    if (to < 0 || !holds(bytes, to, behind)) return undefined;
    // A string of its own: a piece of a longer one would keep that for as long as the reply is kept.
    const text = bytes.toString('utf8', from, to);
    return PLAIN.test(text) ? { text, end: to + behind.length } : undefined;
  }

  /** Looks at a chunk that had to be parsed, the data of its event. */
  learn(data: string): void {
    // Data of several lines has other bytes than those that came.
    if (this.attempts === ATTEMPTS || data.includes('\n')) return;
    const start = CONTENT.exec(data);
    if (!start) return;
    this.attempts++;
    const from = start.index + start[0].length;
    const to = data.indexOf('"', from);
    if (to < 0) return;
    const [before, behind] = [data.slice(0, from), data.slice(to)];
    if (!isFrame(before, behind)) return;
    this.before = Buffer.from(`data: ${before}`);
    this.behind = Buffer.from(`${behind}\n\n`);
  }
}

function holds(bytes: Buffer, at: number, part: Buffer): boolean {
  const end = at + part.length;
  return end <= bytes.length && bytes.compare(part, 0, part.length, at, end) === 0;
}

/** Whether a text between the two is all that such a chunk says. */
function isFrame(before: string, behind: string): boolean {
  try {
    const chunk: unknown = JSON.parse(before + PROBE + behind);
    const { text, reasoning, finishReason, usage } = readChunk(chunk);
    const more = reasoning !== '' || finishReason !== null || usage !== null || callsTools(chunk);
    return text === PROBE && !more;
  } catch {
    return false;
  }
}
