import type { ModelPart, PartsListener } from '../llm-client';
import { LlmError } from '../llm-error';

/** Counts a reply's characters (UTF-16 units), reasoning included, and cuts what is above the limit. */
export class MaxLength {
  constructor(private left: number) {}

  /**
   * Passes on the parts that still fit.
   * @throws {LlmError} `max_output` after that, if not all did; what the listener throws
   */
  check(parts: ModelPart[], listener: PartsListener): Promise<void> | undefined {
    const { parts: fitting, exceeded } = this.take(parts);
    const taken = fitting.length ? listener(fitting) : undefined;
    if (!exceeded) return taken;
    if (taken) return taken.then(tooLong);
    return tooLong();
  }

  /** The parts that still fit, and whether any did not. */
  take(parts: ModelPart[]): { parts: ModelPart[]; exceeded: boolean } {
    const length = parts.reduce((sum, { text }) => sum + text.length, 0);
    if (length <= this.left) {
      this.left -= length;
      return { parts, exceeded: false };
    }
    return { parts: this.cut(parts), exceeded: true };
  }

  private cut(parts: ModelPart[]): ModelPart[] {
    const kept: ModelPart[] = [];
    for (const part of parts) {
      if (this.left === 0) break;
      const text = prefix(part.text, this.left);
      this.left -= Math.min(part.text.length, this.left);
      if (text) kept.push({ type: part.type, text });
    }
    return kept;
  }
}

function tooLong(): never {
  throw new LlmError('max_output');
}

/** At most `length` units, without half a surrogate pair at the end. */
function prefix(text: string, length: number): string {
  const cut = text.slice(0, length);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}
