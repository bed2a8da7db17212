import { EventLengths, ITEM_LENGTH } from './event-lengths';
import { isTextLike, type ItemPart, type MessagePart, type TextLikePart } from './parts';
import { ReplyCursor, type ReplyPieces } from './reply-cursor';

/** Addition to a reply by one event: a stretch of text, or an item. */
export type ReplyDelta = Readonly<MessagePart>;

/** Content of a reply as it is stored. */
export type StorableContent = Pick<ReplyContent, 'parts' | 'eventLengths'>;

/** Number of events between two kept cursors, so that any event is near one. */
const STRIDE = 256;
const NO_LENGTHS = new Uint8Array();

/** Content of a reply so far: its parts, and where its events begin and end in them. */
export class ReplyContent {
  private readonly stretches: MessagePart[] = [];
  private readonly lengths = new EventLengths();
  /** Cursors before the events 0, STRIDE, 2 × STRIDE … */
  private readonly places: ReplyCursor[] = [];
  private characters = 0;

  /** Content rebuilt from the stored parts and event lengths. */
  static of(parts: readonly MessagePart[], eventLengths: Uint8Array | null): ReplyContent {
    const content = new ReplyContent();
    const pieces = { parts, lengths: eventLengths ?? NO_LENGTHS };
    for (const cursor = new ReplyCursor(); cursor.advance(pieces);) content.add(cursor.delta(pieces));
    return content;
  }

  add(delta: ReplyDelta): void {
    if (!isTextLike(delta)) {
      this.addItem(delta);
      return;
    }
    this.remember();
    const last = this.stretches.at(-1);
    if (isOfType(last, delta)) last.text += delta.text;
    else this.stretches.push({ type: delta.type, text: delta.text });
    this.lengths.add(delta.text.length);
    this.characters += delta.text.length;
  }

  /** Adds a part that is an event of its own. */
  addItem(item: Readonly<ItemPart>): void {
    this.remember();
    this.stretches.push(item);
    this.lengths.add(ITEM_LENGTH);
  }

  /** The deltas after the first `offset`: at most `count`, up to the one with which they have `characters` characters or more. */
  deltasAfter(offset: number, count: number, characters = Infinity): ReplyDelta[] {
    const deltas: ReplyDelta[] = [];
    const cursor = this.places.at(Math.floor(offset / STRIDE))?.copy();
    if (!cursor) return deltas;
    const { pieces } = this;
    for (let skipped = offset % STRIDE; skipped > 0; skipped--) cursor.advance(pieces);
    for (let length = 0; deltas.length < count && length < characters && cursor.advance(pieces);) {
      const delta = cursor.delta(pieces);
      deltas.push(delta);
      length += isTextLike(delta) ? delta.text.length : JSON.stringify(delta).length;
    }
    return deltas;
  }

  /** Characters (UTF-16 units) of all texts, reasoning included. */
  get length(): number {
    return this.characters;
  }

  get partCount(): number {
    return this.stretches.length;
  }

  get eventCount(): number {
    return this.lengths.count;
  }

  get parts(): MessagePart[] {
    return this.stretches.map((part) => ({ ...part }));
  }

  get text(): string {
    return textOf(this.stretches);
  }

  get eventLengths(): Buffer {
    return Buffer.from(this.lengths.bytes);
  }

  private remember(): void {
    if (this.lengths.count % STRIDE === 0) this.places.push(ReplyCursor.atEnd(this.pieces));
  }

  private get pieces(): ReplyPieces {
    return { parts: this.stretches, lengths: this.lengths.bytes };
  }
}

function isOfType(part: MessagePart | undefined, { type }: Readonly<TextLikePart>): part is TextLikePart {
  return part?.type === type;
}

/** Text of the answer, without its reasoning. */
export function textOf(parts: readonly MessagePart[]): string {
  let text = '';
  for (const part of parts) if (part.type === 'text') text += part.text;
  return text;
}

/** Number of events that add to a stored reply. Counted event by event, since a row may have fewer lengths than events, but without creating them. */
export function deltaCount(parts: readonly MessagePart[], eventLengths: Uint8Array | null): number {
  const pieces = { parts, lengths: eventLengths ?? NO_LENGTHS };
  let count = 0;
  for (const cursor = new ReplyCursor(); cursor.advance(pieces);) count++;
  return count;
}
