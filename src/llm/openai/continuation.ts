import type { ModelMessage, ModelRequest } from '../llm-client';

/** A message as the provider gets it. */
export interface SentMessage {
  role: 'system' | 'developer' | 'user' | 'assistant';
  content: string;
}

/** What asks a model without a way of its own to go on with its last message. */
export const CONTINUE_REQUEST =
  'Your last message was cut off. Go on exactly where it ends, in the middle of a word if need be. ' +
  'Repeat nothing of it, and write nothing about this request.';

interface ContinuedMessages {
  messages: SentMessage[];
  add_generation_prompt?: false;
  continue_final_message?: true;
}

/** The messages on the wire, with an unfinished reply at their end put in the way that the provider understands. */
export function continuedMessages({ messages, model }: ModelRequest): ContinuedMessages {
  const sent = messages.map(({ role, content }): SentMessage => ({ role, content }));
  const end = messages.at(-1);
  if (end?.role !== 'assistant') return { messages: sent };
  // Anthropic refuses a message to go on with that ends with white space.
  const last = { ...end, content: end.content.trimEnd() };
  if (model.continuation !== 'instruct') sent[sent.length - 1] = { role: 'assistant', content: last.content };
  switch (model.continuation) {
    case 'prefill':
      return { messages: sent };
    case 'prefix':
      return { messages: marked(sent, last, { prefix: true }) };
    case 'partial':
      return { messages: marked(sent, last, { partial: true }) };
    case 'final_message':
      return { messages: sent, add_generation_prompt: false, continue_final_message: true };
    default:
      return { messages: [...sent, { role: 'user', content: CONTINUE_REQUEST }] };
  }
}

function marked(messages: SentMessage[], last: ModelMessage, mark: object): SentMessage[] {
  return [...messages.slice(0, -1), { role: 'assistant', content: last.content, ...mark }];
}
