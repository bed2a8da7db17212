import type { ModelPart } from '../../src/llm/llm-client';
import { LlmError } from '../../src/llm/llm-error';
import type { ModelRunner, StepListener, StepResult } from '../../src/llm/model-runner';
import type { Life } from './clock';

/** `end`: the model ends of its own will. */
type Said = ModelPart[] | Error | 'end';

/** A model that says what it is told to, when it is told to. */
export class ModelFeed {
  /** The deltas that it has given out. */
  readonly said: ModelPart[] = [];
  over = false;
  /** It came to an end of its own. */
  whole = false;
  /** Whose reply it writes; undefined until it is asked. */
  life: Life | undefined;
  runs = 0;
  private waiting: Said[] = [];
  private wake = Promise.withResolvers<void>();

  say(count: number): void {
    if (this.over) return;
    const parts = Array.from({ length: count }, (_, index): ModelPart => {
      const number = this.said.length + index + 1;
      return { type: number % 5 === 2 ? 'reasoning' : 'text', text: `${number} ` };
    });
    this.said.push(...parts);
    this.give(parts);
  }

  finish(): void {
    if (!this.over) this.give('end');
    this.whole ||= !this.over;
    this.over = true;
  }

  /** Breaks off, with one error or another. */
  breakOff(how: number): void {
    if (!this.over) this.give(new LlmError(how % 2 ? 'upstream_incomplete' : 'provider_timeout'));
    this.over = true;
  }

  async run(life: Life, signal: AbortSignal, { onParts }: StepListener): Promise<StepResult> {
    this.life = life;
    this.runs++;
    const abort = () => this.wake.resolve();
    signal.addEventListener('abort', abort);
    try {
      for await (const parts of this.parts(signal)) await onParts(parts);
      return { reason: 'stop', usage: null, toolCalls: [] };
    } finally {
      this.over = true;
    }
  }

  private async *parts(signal: AbortSignal): AsyncGenerator<ModelPart[], void, undefined> {
    for (;;) {
      signal.throwIfAborted();
      const next = this.waiting.shift();
      if (next === 'end') return;
      if (next instanceof Error) throw next;
      if (next) yield next;
      if (!next) await this.nothing();
    }
  }

  private async nothing(): Promise<void> {
    this.wake = Promise.withResolvers<void>();
    if (!this.waiting.length) await this.wake.promise;
  }

  private give(what: Said): void {
    this.waiting.push(what);
    this.wake.resolve();
  }
}

/** The feed of each reply, by the model that its turn asks for. */
export type Feeds = Map<string, ModelFeed>;

export function runnerOf(feeds: Feeds, life: Life): ModelRunner {
  const runStep: ModelRunner['runStep'] = ({ modelId }, signal, listener) =>
    feeds.get(modelId)!.run(life, signal, listener);
  return { runStep } as ModelRunner;
}
