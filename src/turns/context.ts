import { Injectable } from '@nestjs/common';
import type { ModelMessage } from '../llm/llm-client';
import { LlmError } from '../llm/llm-error';
import type { ContextMessage } from '../messages/message.types';
import { MessagesService } from '../messages/messages.service';
import { textOf } from '../messages/reply-content';

export interface ContextRequest {
  systemPrompt: string | null;
  /** The message to be answered: the end of the path. */
  userId: string;
  leafId: string;
  /** Token budget of the messages (`contextTokens` in `context-tokens.ts`). */
  contextTokens: number;
  /** Messages up to this sequence are left out. */
  contextFrom: number;
}

@Injectable()
export class ContextLoader {
  constructor(private readonly messages: MessagesService) {}

  /**
   * Messages for the model of a queued reply, once it is its turn: the system prompt, then the newest whole messages of the path that fit,
   * oldest first. Other turns bring their context back from the statement that stores them.
   * @throws {LlmError} `context_length_exceeded` if not even the message to be answered fits
   */
  async load(request: ContextRequest): Promise<ModelMessage[]> {
    const path = await this.messages.context(request.userId, {
      leafId: request.leafId,
      budget: request.contextTokens,
      contextFrom: request.contextFrom,
    });
    if ((path.at(-1)?.cost ?? 0) > request.contextTokens) throw new LlmError('context_length_exceeded');
    return modelMessages(request.systemPrompt, path);
  }
}

/**
 * The system prompt, if there is one, and the messages of the path, oldest first: none is blank, and the first one is a user's, since what comes before
 * may not have fitted. A turn that a filter refused is left out, since it would be refused again. What is stored stays as it is.
 */
export function modelMessages(systemPrompt: string | null, path: ContextMessage[]): ModelMessage[] {
  const said: ModelMessage[] = [];
  for (const { role, parts, refused } of path) {
    const content = textOf(parts);
    if (refused) dropLast(said, 'user');
    else if (content.trim() && role !== 'tool') said.push({ role, content });
  }
  const first = said.findIndex(({ role }) => role !== 'assistant');
  const messages = first < 0 ? [] : said.slice(first);
  return systemPrompt?.trim() ? [{ role: 'system', content: systemPrompt }, ...messages] : messages;
}

function dropLast(messages: ModelMessage[], role: ModelMessage['role']): void {
  if (messages.at(-1)?.role === role) messages.pop();
}
