import { EventLengths } from '../../messages/event-lengths';
import type { MessagePart, OpenReply } from '../../messages/message.types';
import type { ReplyContent, ReplyDelta } from '../../messages/reply-content';
import { ReplyCursor } from '../../messages/reply-cursor';
import type { JournalEntry } from '../journal/journal-payload';
import { deltaOf } from '../reply/reply-event';

interface Stretch {
  type: MessagePart['type'];
  /** One text for each page of the journal. */
  texts: string[];
}

/**
 * What a journal holds of one reply: its events from one sequence on. There may be thousands of replies with millions of small
 * events, so that it keeps texts in few pieces, and a byte or two for each event.
 */
export class RecoveredReply {
  private stretches: Stretch[] = [];
  private lengths = new EventLengths();
  /** The sequence of the first event that is held; 0 for none yet. */
  private first = 0;
  /** The sequence of the event that comes next. */
  private next = 0;
  private text = 0;

  constructor(readonly reply: OpenReply) {}

  /** Characters that are held. */
  get characters(): number {
    return this.text;
  }

  /** Adds runs of events in the order of their batches. What follows a batch that could not be stored was never shown, and is left out. */
  add(runs: readonly JournalEntry[]): void {
    const deltas: ReplyDelta[] = [];
    for (const { sequence, events } of runs) {
      this.first ||= sequence;
      this.next ||= sequence;
      if (sequence !== this.next) continue;
      this.next += events.length;
      for (const event of events) {
        const delta = deltaOf(event);
        if (delta) deltas.push(delta);
      }
    }
    for (const { text } of deltas) {
      this.lengths.add(text.length);
      this.text += text.length;
    }
    for (const { type, texts } of stretchesOf(deltas)) {
      const last = this.stretches.at(-1);
      const joined = texts.join('');
      if (last?.type === type) last.texts.push(joined);
      else this.stretches.push({ type, texts: [joined] });
    }
  }

  /**
   * Adds what is held to what the reply's row has, and forgets it. The two may overlap; what does not join on to the row was never
   * shown.
   */
  moveTo(stored: ReplyContent): ReplyContent {
    const parts = this.stretches.map(({ type, texts }) => ({ type, text: texts.join('') }));
    const pieces = { parts, lengths: this.lengths.bytes };
    const cursor = new ReplyCursor();
    // The first event of a reply is its `start`, which is no part of the content.
    let place = Math.max(this.first - 2, 0);
    for (; place < stored.eventCount && cursor.advance(pieces); place++);
    if (place === stored.eventCount) while (cursor.advance(pieces)) stored.add(cursor.delta(pieces));
    this.stretches = [];
    this.lengths = new EventLengths();
    this.first = this.next;
    this.text = 0;
    return stored;
  }
}

/** Neighbours of one type together. */
function stretchesOf(deltas: readonly ReplyDelta[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const { type, text } of deltas) {
    const last = stretches.at(-1);
    if (last?.type === type) last.texts.push(text);
    else stretches.push({ type, texts: [text] });
  }
  return stretches;
}
