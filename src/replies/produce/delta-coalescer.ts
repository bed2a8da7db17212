import { REPLY_BOUNDS } from '../../config/bounds';
import type { ReplyContent, ReplyDelta } from '../../messages/reply-content';

/** Each so large a share of a limit, in its second half, doubles what an event must hold. */
const DOUBLINGS = 20;

/**
 * Keeps a reply within its bounds on parts and events, whatever the model sends: up to half of a limit deltas are taken as they come,
 * then they are joined until they hold 2, 4, 8 … characters, so that a limit is far beyond the longest reply (50 million characters
 * fill 98 % of it). It stands before deltas are numbered, so that what is joined is joined for every reader, live or later, and
 * nothing that was shown changes.
 *
 * What is held back has at most one delta of each type, in the order in which they began: if a model changes between them more
 * often than that, the order of text and reasoning is lost from there on, and of neither a character.
 */
export class DeltaCoalescer {
  private held: { type: ReplyDelta['type']; text: string }[] = [];

  constructor(private readonly content: ReplyContent) {}

  /** Adds to the content what is to be shown now, and answers it. */
  add(deltas: ReplyDelta[]): ReplyDelta[] {
    const { content } = this;
    // Each of them may be a part.
    if (!this.held.length && isRoomy(content.partCount + deltas.length, content.eventCount + deltas.length)) {
      for (const delta of deltas) content.add(delta);
      return deltas;
    }
    return deltas.flatMap((delta) => {
      this.hold(delta);
      return this.heldLength < leastLength(content) ? [] : this.flush();
    });
  }

  /** The same for what has been held back. */
  flush(): ReplyDelta[] {
    const deltas = this.held;
    this.held = [];
    for (const delta of deltas) this.content.add(delta);
    return deltas;
  }

  private hold({ type, text }: ReplyDelta): void {
    const same = this.held.find((delta) => delta.type === type);
    if (same) same.text += text;
    else this.held.push({ type, text });
  }

  private get heldLength(): number {
    return this.held.reduce((length, { text }) => length + text.length, 0);
  }
}

function isRoomy(parts: number, events: number): boolean {
  return parts <= REPLY_BOUNDS.parts.limit / 2 && events <= REPLY_BOUNDS.events.limit / 2;
}

/** Characters that are shown at a time. */
function leastLength({ partCount, eventCount }: ReplyContent): number {
  return Math.max(
    doubled(partCount, REPLY_BOUNDS.parts.limit),
    doubled(eventCount, REPLY_BOUNDS.events.limit),
  );
}

function doubled(count: number, limit: number): number {
  const half = limit / 2;
  return 2 ** Math.max(Math.floor(((count - half) / half) * DOUBLINGS), 0);
}
