import { isTextLike, type MessagePart } from './parts';

/** Content of a reply: its parts, and the lengths of the events that made them (`event-lengths.ts`). */
export interface ReplyPieces {
  parts: readonly MessagePart[];
  lengths: Uint8Array;
}

/**
 * A position in the events of a reply, which moves from one event to the next without reading earlier ones. It keeps numbers only: the
 * pieces are passed to each call, and must be unchanged or have grown at their end.
 */
export class ReplyCursor {
  private part = 0;
  /** Start and end (`to`) of the current event in the part's text; 0 and 1 for an item. */
  private from = 0;
  private to = 0;
  /** Byte index at which the length of the next event begins. */
  private byte = 0;

  /** A cursor after the last event of these pieces, whose last part may still grow. */
  static atEnd({ parts, lengths }: ReplyPieces): ReplyCursor {
    const cursor = new ReplyCursor();
    cursor.part = Math.max(parts.length - 1, 0);
    const last = parts.at(-1);
    cursor.to = last ? sizeOf(last) : 0;
    cursor.byte = lengths.length;
    return cursor;
  }

  copy(): ReplyCursor {
    return Object.assign(new ReplyCursor(), this);
  }

  /** Moves to the next event without creating it; false if there is none. */
  advance({ parts, lengths }: ReplyPieces): boolean {
    this.from = this.to;
    while (this.part < parts.length && this.from >= sizeOf(parts[this.part])) {
      this.part++;
      this.from = this.to = 0;
    }
    if (this.part >= parts.length) return false;
    const end = sizeOf(parts[this.part]);
    // The rest of a part that has no length is one event.
    const length = this.byte < lengths.length ? this.takeLength(lengths) : end;
    this.to = isTextLike(parts[this.part]) ? Math.min(this.from + length, end) : end;
    return true;
  }

  /** The event at which the cursor is. */
  delta({ parts }: ReplyPieces): MessagePart {
    const part = parts[this.part];
    return isTextLike(part) ? { type: part.type, text: part.text.slice(this.from, this.to) } : part;
  }

  private takeLength(lengths: Uint8Array): number {
    let length = 0;
    for (let shift = 0; this.byte < lengths.length; shift += 7) {
      const byte = lengths[this.byte++];
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return length;
  }
}

function sizeOf(part: MessagePart): number {
  return isTextLike(part) ? part.text.length : 1;
}
