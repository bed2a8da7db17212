import { EventLengths, ITEM_LENGTH } from '../../../messages/content/event-lengths';
import {
  isTextLike,
  type ItemPart,
  type MessagePart,
  type TextLikePart,
} from '../../../messages/content/parts';
import type { OpenReply } from '../../../messages/message.types';
import type { ReplyContent, StorableContent } from '../../../messages/content/reply-content';
import { ReplyCursor } from '../../../messages/content/reply-cursor';
import type { EventSink } from './payload-reader';
import { deltaOf } from '../../events/event-codec';
import type { ReplyEvent } from '../../events/reply-event.dto';
import { Utf8Text } from './utf8-text';

/** A part that may still grow, its text as bytes; an item as it is. */
type Stretch = { type: TextLikePart['type']; text: Utf8Text } | { item: ItemPart };

/**
 * Collects the events of one reply in a journal, from one sequence on. There may be thousands of replies with millions of
 * small events, so it keeps their texts as bytes, and a byte or two for the length of each event. Called by `Recovery`.
 */
export class RecoveredEvents implements EventSink {
  private stretches: Stretch[] = [];
  private lengths = new EventLengths();
  /** Sequence of the first event that is held; 0 if there is none yet. */
  private first = 0;
  /** Sequence of the next event. */
  private next = 0;
  private heldBytes = 0;

  constructor(readonly reply: OpenReply) {}

  /** Size of the held events: bytes of texts, and characters of items as JSON. */
  get bytes(): number {
    return this.heldBytes;
  }

  /**
   * Whether events from this sequence on, in the order of their batches, continue those that are held. Events after a batch that could
   * not be stored were never shown, and are left out.
   */
  joins(sequence: number): boolean {
    this.first ||= sequence;
    this.next ||= sequence;
    return sequence === this.next;
  }

  onText(type: TextLikePart['type'], utf8: Buffer, from: number, to: number, length: number): void {
    this.next++;
    this.lengths.add(length);
    this.heldBytes += to - from;
    this.stretch(type).addBytes(utf8, from, to);
  }

  onEvent(event: ReplyEvent): void {
    this.next++;
    const delta = deltaOf(event);
    if (!delta) return;
    if (!isTextLike(delta)) {
      this.lengths.add(ITEM_LENGTH);
      this.stretches.push({ item: delta });
      this.heldBytes += JSON.stringify(delta).length;
      return;
    }
    this.lengths.add(delta.text.length);
    this.heldBytes += this.stretch(delta.type).add(delta.text);
  }

  /**
   * Appends the held events to the content of the reply's row, and clears them. The two may overlap; events that do not continue the
   * row's content were never shown.
   */
  moveTo(stored: ReplyContent): StorableContent {
    const parts = this.stretches.map(partOf);
    const pieces = { parts, lengths: this.lengths.bytes };
    // Most replies have no checkpoint: there is nothing to append to.
    if (stored.eventCount === 0 && this.first <= 2) {
      this.clear();
      return { parts, eventLengths: Buffer.from(pieces.lengths) };
    }
    const cursor = new ReplyCursor();
    // Sequence 1 is the `start` event, which is no part of the content.
    let index = Math.max(this.first - 2, 0);
    for (; index < stored.eventCount && cursor.advance(pieces); index++);
    if (index === stored.eventCount) while (cursor.advance(pieces)) stored.add(cursor.delta(pieces));
    this.clear();
    return stored;
  }

  private stretch(type: TextLikePart['type']): Utf8Text {
    const last = this.stretches.at(-1);
    if (last && 'text' in last && last.type === type) return last.text;
    const text = new Utf8Text();
    this.stretches.push({ type, text });
    return text;
  }

  private clear(): void {
    this.stretches = [];
    this.lengths = new EventLengths();
    this.first = this.next;
    this.heldBytes = 0;
  }
}

function partOf(stretch: Stretch): MessagePart {
  return 'text' in stretch ? { type: stretch.type, text: stretch.text.toString() } : stretch.item;
}
