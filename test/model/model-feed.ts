import type { ModelPart } from '../../src/llm/llm-client';
import { LlmError } from '../../src/llm/llm-error';
import type { ModelRunner, ReplyListener } from '../../src/llm/model-runner';
import type { Life } from './clock';

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
  private waiting: (ModelPart[] | Error | 'silent')[] = [];
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
    if (!this.over) this.give([{ type: 'finish', reason: 'stop', word: 'stop', usage: null }]);
    this.whole ||= !this.over;
    this.over = true;
  }

  /** Breaks off: with an error, or without a word. */
  breakOff(how: number): void {
    if (!this.over) this.give(how % 2 ? new LlmError('upstream_incomplete') : 'silent');
    this.over = true;
  }

  async run(life: Life, signal: AbortSignal, { onParts }: ReplyListener): Promise<void> {
    this.life = life;
    this.runs++;
    const abort = () => this.wake.resolve();
    signal.addEventListener('abort', abort);
    try {
      for await (const parts of this.parts(signal)) await onParts(parts);
    } finally {
      this.over = true;
    }
  }

  private async *parts(signal: AbortSignal): AsyncGenerator<ModelPart[], void, undefined> {
    for (;;) {
      signal.throwIfAborted();
      const next = this.waiting.shift();
      if (next === 'silent') return;
      if (next instanceof Error) throw next;
      if (next) yield next;
      if (next?.at(-1)?.type === 'finish') return;
      if (!next) await this.nothing();
    }
  }

  private async nothing(): Promise<void> {
    this.wake = Promise.withResolvers<void>();
    if (!this.waiting.length) await this.wake.promise;
  }

  private give(what: ModelPart[] | Error | 'silent'): void {
    this.waiting.push(what);
    this.wake.resolve();
  }
}

/** The feed of each reply, by the model that its turn asks for. */
export type Feeds = Map<string, ModelFeed>;

export function runnerOf(feeds: Feeds, life: Life): ModelRunner {
  const run: ModelRunner['run'] = ({ modelId }, signal, listener) =>
    feeds.get(modelId)!.run(life, signal, listener);
  return { run } as ModelRunner;
}
