import { EventLengths } from '../../messages/event-lengths';
import type { MessagePart, OpenReply } from '../../messages/message.types';
import type { ReplyContent, ReplyDelta, StorableContent } from '../../messages/reply-content';
import { ReplyCursor } from '../../messages/reply-cursor';
import type { JournalEntry } from '../journal/journal-payload';
import { deltaOf } from '../reply/reply-event';

interface Stretch {
  type: MessagePart['type'];
  /** Texts of many events each. */
  texts: string[];
  /** Texts of the latest events. */
  latest: string[];
}

/** Texts of so many events are made one: each by itself takes more room than what it says. */
const JOINED = 64;

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

  /** Adds events in the order of their batches. What follows a batch that could not be stored was never shown, and is left out. */
  add({ sequence, events }: JournalEntry): void {
    this.first ||= sequence;
    this.next ||= sequence;
    if (sequence !== this.next) return;
    this.next += events.length;
    for (const event of events) {
      const delta = deltaOf(event);
      if (delta) this.addDelta(delta);
    }
  }

  private addDelta({ type, text }: ReplyDelta): void {
    this.lengths.add(text.length);
    this.text += text.length;
    let last = this.stretches.at(-1);
    if (last?.type !== type) this.stretches.push((last = { type, texts: [], latest: [] }));
    last.latest.push(text);
    if (last.latest.length === JOINED) last.texts.push(last.latest.splice(0).join(''));
  }

  /**
   * Adds what is held to what the reply's row has, and forgets it. The two may overlap; what does not join on to the row was never
   * shown.
   */
  moveTo(stored: ReplyContent): StorableContent {
    const parts = this.stretches.map(({ type, texts, latest }) => ({
      type,
      text: [...texts, ...latest].join(''),
    }));
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

  private forget(): void {
    this.stretches = [];
    this.lengths = new EventLengths();
    this.first = this.next;
    this.text = 0;
  }
}
