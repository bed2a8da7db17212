import {
  LlmClient,
  type ModelEnd,
  type ModelRequest,
  type PartsListener,
  type TokenUsage,
} from '../llm-client';
import { pause } from '../pause';
import { countTokens } from '../tokens/token-counter';
import { demoReply } from './demo-reply';

/** About 45 words a second: fast enough not to bore, slow enough to be seen streaming. */
const WORD_MS = 22;

/** The model of an installation that has none yet: needs no network, no key and no money. */
export class DemoClient extends LlmClient {
  constructor(private readonly wordMs: number = WORD_MS) {
    super();
  }

  async stream(request: ModelRequest, signal: AbortSignal, listener: PartsListener): Promise<ModelEnd> {
    const limit = Math.min(request.settings.max_output_tokens ?? Infinity, request.model.maxOutputTokens);
    let tokens = 0;
    for (const word of words(demoReply(request.messages))) {
      await pause(this.wordMs, signal);
      const cost = countTokens(word);
      if (tokens + cost > limit) return end('length', request, tokens);
      tokens += cost;
      await listener([{ type: 'text', text: word }]);
    }
    signal.throwIfAborted();
    return end('stop', request, tokens);
  }
}

/** Words with the white space before them, so that together they are the text. */
function words(text: string): string[] {
  return text.match(/\s*\S+/g) ?? [];
}

function end(reason: 'stop' | 'length', { messages }: ModelRequest, outputTokens: number): ModelEnd {
  const inputTokens = messages.reduce((sum, { content }) => sum + countTokens(content), 0);
  const usage: TokenUsage = { input_tokens: inputTokens, output_tokens: outputTokens, estimated: true };
  return { reason, word: reason, usage, toolCalls: [] };
}
