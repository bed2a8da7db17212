import { REPLY_BOUNDS } from '../../config/bounds';
import { isTextLike, type TextLikePart } from '../../messages/content/parts';
import type { ReplyContent, ReplyDelta } from '../../messages/content/reply-content';

/** Number of times that the minimum length of an event doubles over the second half of a limit. */
const DOUBLINGS = 20;
const LONGEST = REPLY_BOUNDS.eventCharacters.limit;

/**
 * Keeps a reply within its bounds on parts and events, whatever the model sends: up to half of a limit deltas pass unchanged, then they
 * are joined until they hold 2, 4, 8 … characters, so that a limit is far beyond the longest reply (50 million characters fill 98 % of
 * it). A delta that is longer than an event may be becomes several. Called by `ReplyProducer` before deltas are numbered, so that they are
 * joined and cut for every reader, live or later, and nothing that was shown changes.
 *
 * At most one delta of each type is held back, in the order in which they started: if a model alternates between the types more often
 * than that, the order of text and reasoning is lost from there on, but no character of either. An item is never held back, and
 * releases the deltas that were held before it.
 */
export class DeltaCoalescer {
  private held: TextLikePart[] = [];

  constructor(private readonly content: ReplyContent) {}

  /** Adds the deltas that are to be shown now to the content, and returns them. */
  add(deltas: ReplyDelta[]): ReplyDelta[] {
    const { content } = this;
    // Each delta may become a part of its own.
    if (!this.held.length && isRoomy(content.partCount + deltas.length, content.eventCount + deltas.length))
      return this.take(deltas);
    return deltas.flatMap((delta) => {
      if (!isTextLike(delta)) return [...this.flush(), ...this.take([delta])];
      this.hold(delta);
      return this.heldLength < minLength(content) ? [] : this.flush();
    });
  }

  /** Adds the deltas that are held back to the content, and returns them. */
  flush(): ReplyDelta[] {
    const deltas = this.held;
    this.held = [];
    return this.take(deltas);
  }

  private take(deltas: ReplyDelta[]): ReplyDelta[] {
    const events = deltas.some(isTooLong) ? deltas.flatMap(inPieces) : deltas;
    for (const event of events) this.content.add(event);
    return events;
  }

  private hold({ type, text }: Readonly<TextLikePart>): void {
    const same = this.held.find((delta) => delta.type === type);
    if (same) same.text += text;
    else this.held.push({ type, text });
  }

  private get heldLength(): number {
    return this.held.reduce((length, { text }) => length + text.length, 0);
  }
}

function isTooLong(delta: ReplyDelta): boolean {
  return isTextLike(delta) && delta.text.length > LONGEST;
}

/** Cuts a delta. No piece ends inside of a surrogate pair, whose halves could not be stored. */
function inPieces(delta: ReplyDelta): ReplyDelta[] {
  if (!isTextLike(delta)) return [delta];
  const { type, text } = delta;
  const pieces: ReplyDelta[] = [];
  for (let from = 0, to = 0; from < text.length; from = to) {
    to = from + LONGEST;
    if (to < text.length && (text.codePointAt(to - 1) ?? 0) > 0xffff) to -= 1;
    pieces.push({ type, text: text.slice(from, to) });
  }
  return pieces;
}

function isRoomy(parts: number, events: number): boolean {
  return parts <= REPLY_BOUNDS.parts.limit / 2 && events <= REPLY_BOUNDS.events.limit / 2;
}

/** Minimum number of characters of an event. */
function minLength({ partCount, eventCount }: ReplyContent): number {
  return Math.max(
    doubled(partCount, REPLY_BOUNDS.parts.limit),
    doubled(eventCount, REPLY_BOUNDS.events.limit),
  );
}

function doubled(count: number, limit: number): number {
  const half = limit / 2;
  return 2 ** Math.max(Math.floor(((count - half) / half) * DOUBLINGS), 0);
}
