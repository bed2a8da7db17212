import type { ModelPart } from '../llm-client';

/** Counts a reply's characters (UTF-16 units), reasoning included, and cuts what is above the limit. */
export class ReplyLimit {
  constructor(private left: number) {}

  /** The parts that still fit, and whether any did not. */
  take(parts: ModelPart[]): { parts: ModelPart[]; exceeded: boolean } {
    const length = parts.reduce((sum, part) => sum + lengthOf(part), 0);
    if (length <= this.left) {
      this.left -= length;
      return { parts, exceeded: false };
    }
    return { parts: this.cut(parts), exceeded: true };
  }

  private cut(parts: ModelPart[]): ModelPart[] {
    const kept: ModelPart[] = [];
    for (const part of parts) {
      if (part.type === 'finish' || this.left === 0) break;
      const text = prefix(part.text, this.left);
      this.left -= Math.min(part.text.length, this.left);
      if (text) kept.push({ type: part.type, text });
    }
    return kept;
  }
}

function lengthOf(part: ModelPart): number {
  return part.type === 'finish' ? 0 : part.text.length;
}

/** At most `length` units, without half a surrogate pair at the end. */
function prefix(text: string, length: number): string {
  const cut = text.slice(0, length);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}
