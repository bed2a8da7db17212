import { decodeLengths, encodeLengths } from './event-lengths';
import type { MessagePart } from './message.types';

/** A stretch of text as it was shown in one event. */
export type ReplyDelta = Readonly<MessagePart>;

/** What a reply holds so far: its parts, and where its events begin and end in them. */
export class ReplyContent {
  private readonly stretches: { type: MessagePart['type']; text: string }[] = [];
  private readonly lengths: number[] = [];
  private characters = 0;

  add(delta: ReplyDelta): void {
    const last = this.stretches.at(-1);
    if (last?.type === delta.type) last.text += delta.text;
    else this.stretches.push({ type: delta.type, text: delta.text });
    this.lengths.push(delta.text.length);
    this.characters += delta.text.length;
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
  const lengths = decodeLengths(eventLengths ?? new Uint8Array());
  let next = 0;
  return parts.flatMap((part) => {
    const deltas: ReplyDelta[] = [];
    for (let start = 0; start < part.text.length;) {
      const end = start + (lengths[next++] ?? part.text.length - start);
      deltas.push({ type: part.type, text: part.text.slice(start, end) });
      start = end;
    }
    return deltas;
  });
}
