import { EventLengths } from '../../../messages/event-lengths';
import type { MessagePart, OpenReply } from '../../../messages/message.types';
import type { ReplyContent, StorableContent } from '../../../messages/reply-content';
import { ReplyCursor } from '../../../messages/reply-cursor';
import type { EventSink } from './payload-reader';
import { deltaOf } from '../../events/event-codec';
import type { ReplyEvent } from '../../events/reply-event.dto';
import { Utf8Text } from './utf8-text';

/**
 * What a journal holds of one reply: its events from one sequence on. There may be thousands of replies with millions of small
 * events, so that it keeps their texts as bytes, and a byte or two for the length of each.
 */
export class RecoveredReply implements EventSink {
  private stretches: { type: MessagePart['type']; text: Utf8Text }[] = [];
  private lengths = new EventLengths();
  /** The sequence of the first event that is held; 0 for none yet. */
  private first = 0;
  /** The sequence of the event that comes next. */
  private next = 0;
  private held = 0;

  constructor(readonly reply: OpenReply) {}

  /** Bytes of text that are held. */
  get bytes(): number {
    return this.held;
  }

  /** Whether events from this sequence on, in the order of their batches, belong to it. What follows a batch that could not be stored was never shown, and is left out. */
  joins(sequence: number): boolean {
    this.first ||= sequence;
    this.next ||= sequence;
    return sequence === this.next;
  }

  takeText(type: MessagePart['type'], utf8: Buffer, from: number, to: number, length: number): void {
    this.next++;
    this.lengths.add(length);
    this.held += to - from;
    this.stretch(type).addBytes(utf8, from, to);
  }

  takeEvent(event: ReplyEvent): void {
    this.next++;
    const delta = deltaOf(event);
    if (!delta) return;
    this.lengths.add(delta.text.length);
    this.held += this.stretch(delta.type).add(delta.text);
  }

  /**
   * Adds what is held to what the reply's row has, and forgets it. The two may overlap; what does not join on to the row was never
   * shown.
   */
  moveTo(stored: ReplyContent): StorableContent {
    const parts = this.stretches.map(({ type, text }) => ({ type, text: text.toString() }));
    const pieces = { parts, lengths: this.lengths.bytes };
    // Most have no checkpoint: nothing has to be joined.
    if (stored.eventCount === 0 && this.first <= 2) {
      this.forget();
      return { parts, eventLengths: Buffer.from(pieces.lengths) };
    }
    const cursor = new ReplyCursor();
    // The first event of a reply is its `start`, which is no part of the content.
    let place = Math.max(this.first - 2, 0);
    for (; place < stored.eventCount && cursor.advance(pieces); place++);
    if (place === stored.eventCount) while (cursor.advance(pieces)) stored.add(cursor.delta(pieces));
    this.forget();
    return stored;
  }

  private stretch(type: MessagePart['type']): Utf8Text {
    const last = this.stretches.at(-1);
    if (last?.type === type) return last.text;
    const text = new Utf8Text();
    this.stretches.push({ type, text });
    return text;
  }

  private forget(): void {
    this.stretches = [];
    this.lengths = new EventLengths();
    this.first = this.next;
    this.held = 0;
  }
}
