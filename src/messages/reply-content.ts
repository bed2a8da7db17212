import { decodeLengths, encodeLengths } from './event-lengths';
import type { MessagePart } from './message.types';

/** A stretch of text as it was shown in one event. */
export type ReplyDelta = Readonly<MessagePart>;

/** What a reply holds so far: its parts, and where its events begin and end in them. */
export class ReplyContent {
  private readonly stretches: { type: MessagePart['type']; text: string }[] = [];
  private readonly lengths: number[] = [];
  private characters = 0;

  /** What a row holds of a reply. */
  static from(parts: readonly MessagePart[], eventLengths: Uint8Array): ReplyContent {
    const content = new ReplyContent();
    for (const delta of deltasOf(parts, eventLengths)) content.add(delta);
    return content;
  }

  add(delta: ReplyDelta): void {
    const last = this.stretches.at(-1);
    if (last?.type === delta.type) last.text += delta.text;
    else this.stretches.push({ type: delta.type, text: delta.text });
    this.lengths.push(delta.text.length);
    this.characters += delta.text.length;
  }

  /** The deltas after so many, at most `count`. */
  deltasAfter(place: number, count: number): ReplyDelta[] {
    return cut(this.stretches, this.lengths, place, count);
  }

  /** How many events it holds. */
  get events(): number {
    return this.lengths.length;
  }

  /** Characters (UTF-16 units), reasoning included. */
  get length(): number {
    return this.characters;
  }

  get parts(): MessagePart[] {
    return this.stretches.map((part) => ({ ...part }));
  }

  get text(): string {
    return textOf(this.stretches);
  }

  get eventLengths(): Buffer {
    return encodeLengths(this.lengths);
  }
}

/** The answer alone, without its reasoning. */
export function textOf(parts: readonly MessagePart[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

/** The events of a stored reply, as they were first shown. */
export function deltasOf(parts: readonly MessagePart[], eventLengths: Uint8Array | null): ReplyDelta[] {
  return cut(parts, decodeLengths(eventLengths ?? new Uint8Array()), 0, Infinity);
}

/** Parts cut into the events that made them, of which those after `place` are wanted. What has no length is one event. */
function cut(
  parts: readonly MessagePart[],
  lengths: readonly number[],
  place: number,
  count: number,
): ReplyDelta[] {
  const deltas: ReplyDelta[] = [];
  let index = 0;
  for (const { type, text } of parts) {
    for (let start = 0; start < text.length && deltas.length < count; index++) {
      const end = start + (lengths[index] ?? text.length - start);
      if (index >= place) deltas.push({ type, text: text.slice(start, end) });
      start = end;
    }
  }
  return deltas;
}
