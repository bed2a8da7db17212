import type { ModelConfig } from '../../config/models-config';
import type { ModelEnd, ModelPart, TokenUsage } from '../llm-client';
import { LlmError } from '../llm-error';
import { type ChunkContent, readChunk } from './chunk';
import { finishReason } from './finish-reason';
import { TextSanitiser } from './text-sanitiser';
import { ThinkSplitter } from './think-splitter';
import { laterUsage, mostTokens } from './usage';

type Channel = 'reasoning' | 'text';

/** White space before a thought, beyond which it is taken for one. */
const MOST_BLANKS = 1_024;

/** Of what arrives together so many parts stay as the provider cut them, and the rest is one: each costs every reader an event. */
const APART = 3;

/** Turns one reply's chunks into parts. Knows no bytes and no time. */
export class ReplyNormaliser {
  private readonly splitter: ThinkSplitter | undefined;
  private readonly sanitisers = { reasoning: new TextSanitiser(), text: new TextSanitiser() };
  private open: Channel | undefined;
  /** The provider's last word on why the model ended. */
  private finish: string | null = null;
  /** Nothing has come of the reply since that word. */
  private ended = false;
  private counted: TokenUsage | null = null;
  private texts = 0;
  /** The beginning of a thought that says nothing yet. */
  private blanks = '';
  private called = false;
  private chars = 0;
  private readonly mostTokens: number;

  /** `goesOn`: what it goes on with may be whole already, so that nothing is left to be said. */
  constructor(
    model: Pick<ModelConfig, 'thinkTags' | 'contextWindow'>,
    private readonly goesOn = false,
  ) {
    if (model.thinkTags) this.splitter = new ThinkSplitter(model.thinkTags === 'open');
    this.mostTokens = mostTokens(model);
  }

  /** Characters that it has brought so far. */
  get length(): number {
    return this.chars;
  }

  /** The provider has said why the model ended, and nothing of the reply has come since: some say it in every chunk. */
  get finished(): boolean {
    return this.ended;
  }

  /** What the provider has counted; null if it has not, or nothing of a reply that has something. */
  get usage(): TokenUsage | null {
    const { counted } = this;
    return counted && this.chars > 0 && (!counted.input_tokens || !counted.output_tokens) ? null : counted;
  }

  push(chunk: unknown, parts: ModelPart[]): void {
    const content = readChunk(chunk, this.mostTokens);
    this.called ||= content.toolCall === true;
    // Cumulative counts and doubled chunks exist: the last one is right, a sum never is.
    this.counted = laterUsage(this.counted, content.usage);
    this.addContent(content, parts);
    if (content.finishReason !== null) {
      this.finish = content.finishReason;
      this.ended = true;
    }
  }

  /** The same for a chunk of which it is known that it says this and nothing else. */
  pushText(text: string, parts: ModelPart[]): void {
    this.addContent({ reasoning: '', text }, parts);
  }

  /** Text that is held back, for a reply that is cut off. Half a character is dropped. */
  flush(parts: ModelPart[]): void {
    const rest = this.splitter?.end();
    if (!rest) return;
    this.add('reasoning', rest.reasoning, parts);
    this.add('text', rest.text, parts);
  }

  /**
   * The end of a reply whose stream has ended; adds its last parts. `done`: the provider has said that it is complete, whatever it has said of the model.
   * @throws {LlmError} `upstream_incomplete` or `upstream_empty` if the model did not end, `unexpected_tool_call` if it waits
   *   for the result of a tool, which nobody has offered
   */
  end(parts: ModelPart[], done = false): ModelEnd {
    this.flush(parts);
    if (!this.ended && !(done && this.texts > 0)) throw this.cut();
    if (this.open) this.addSafe(this.open, this.sanitisers[this.open].end(), parts);
    const word = this.finish;
    const reason = word === null ? 'stop' : finishReason(word);
    if (this.called || reason === 'tool_calls') throw new LlmError('unexpected_tool_call');
    if (reason === 'stop' && this.chars === 0 && !this.goesOn) throw new LlmError('upstream_empty');
    return { reason, word, usage: this.usage, toolCalls: [] };
  }

  /** The error of a reply that ended here, by the provider's will or not. */
  cut(reason?: string): LlmError {
    const code = this.chars > 0 ? 'upstream_incomplete' : 'upstream_empty';
    return new LlmError(code, { detail: reason === undefined ? undefined : { reason } });
  }

  private addContent(
    { reasoning, text }: Pick<ChunkContent, 'reasoning' | 'text'>,
    parts: ModelPart[],
  ): void {
    if (reasoning || text) this.ended = false;
    this.add('reasoning', reasoning, parts);
    if (!text) return;
    const split = this.splitter?.push(text) ?? { reasoning: '', text };
    this.add('reasoning', split.reasoning, parts);
    this.add('text', split.text, parts);
  }

  private add(channel: Channel, text: string, parts: ModelPart[]): void {
    const delta = channel === 'reasoning' && this.open !== 'reasoning' ? this.beginThought(text) : text;
    if (!delta) return;
    if (channel === 'text') this.blanks = '';
    if (this.open && this.open !== channel) this.addSafe(this.open, this.sanitisers[this.open].end(), parts);
    this.open = channel;
    this.addSafe(channel, this.sanitisers[channel].push(delta), parts);
  }

  /** A thought that is blank is none: what it begins with is held back until it says something. */
  private beginThought(text: string): string {
    if (!text) return '';
    this.blanks += text;
    if (this.blanks.trim() === '' && this.blanks.length < MOST_BLANKS) return '';
    const thought = this.blanks;
    this.blanks = '';
    return thought;
  }

  private addSafe(type: Channel, text: string, parts: ModelPart[]): void {
    if (!text) return;
    this.chars += text.length;
    if (type === 'text') this.texts += text.length;
    const last = parts.at(-1);
    if (parts.length >= APART && last?.type === type) last.text += text;
    else parts.push({ type, text });
  }
}
