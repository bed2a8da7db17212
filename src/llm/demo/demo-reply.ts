import type { ModelMessage } from '../llm-client';

const MAX_QUOTE = 200;

/** What the demo model answers. It must never pass for an AI, and says how to get one. */
export function demoReply(messages: readonly ModelMessage[]): string {
  const asked = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  return [
    'This is Parley’s built-in demo, not an AI: it shows that everything works and answers everyone alike.',
    `You wrote${wordCount(asked)}: “${quote(asked)}”. ${earlier(messages)}`,
    'To talk to a real model, set `OPENAI_API_KEY` and restart. Any server that speaks the OpenAI chat-completions API works too: ' +
      'set `OPENAI_BASE_URL` (for example `http://localhost:11434/v1` for Ollama) and `OPENAI_MODEL`.',
  ].join('\n\n');
}

function wordCount(text: string): string {
  const count = text.split(/\s+/).filter(Boolean).length;
  return count > 1 ? ` ${count} words` : '';
}

function quote(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= MAX_QUOTE) return line;
  return `${line
    .slice(0, MAX_QUOTE)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}…`;
}

function earlier(messages: readonly ModelMessage[]): string {
  const count = messages.filter(({ role }) => role !== 'system').length - 1;
  const system = messages.some(({ role }) => role === 'system') ? ' and a system prompt' : '';
  if (count < 1) return system ? 'I was also given a system prompt.' : 'It is the first message I was given.';
  return `I was also given ${count} earlier ${count === 1 ? 'message' : 'messages'}${system}.`;
}
