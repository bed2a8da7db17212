import { Injectable } from '@nestjs/common';
import type { ModelMessage } from '../llm/llm-client';
import { LlmError } from '../llm/llm-error';
import type { ContextMessage } from '../messages/message.types';
import { MessagesService } from '../messages/messages.service';
import { textOf } from '../messages/content/reply-content';

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
      contextTokens: request.contextTokens,
      contextFrom: request.contextFrom,
    });
    if ((path.at(-1)?.cost ?? 0) > request.contextTokens) throw new LlmError('context_length_exceeded');
    return modelMessages(request.systemPrompt, path);
  }
}

/**
 * The system prompt, if there is one, and the messages of the path, oldest first, as strict providers take them: none is blank, the first one is a
 * user's, since what comes before may not have fitted, and no two neighbours have the same role. What is stored stays as it is.
 *
 * - A turn that a filter refused is left out: it would be refused again.
 * - A turn that failed before its first word is left out: it is usually said again.
 * - Messages between which nothing else was said (a reply was stopped before its first word, or cancelled, or was only a thought) are one message.
 */
export function modelMessages(systemPrompt: string | null, path: ContextMessage[]): ModelMessage[] {
  const said: ModelMessage[] = [];
  for (const { role, parts, tokens, refused, failed } of path) {
    const content = textOf(parts);
    const isBlank = !content.trim();
    if (refused || (failed && isBlank)) dropLast(said, 'user');
    else if (!isBlank && role !== 'tool') said.push({ role, content, tokens });
  }
  const first = said.findIndex(({ role }) => role !== 'assistant');
  const messages = first < 0 ? [] : joined(said.slice(first));
  return systemPrompt?.trim() ? [{ role: 'system', content: systemPrompt }, ...messages] : messages;
}

function dropLast(messages: ModelMessage[], role: ModelMessage['role']): void {
  if (messages.at(-1)?.role === role) messages.pop();
}

/** Neighbours of one role become one message, in paragraphs of their own. */
function joined(messages: ModelMessage[]): ModelMessage[] {
  const alternating: ModelMessage[] = [];
  for (const message of messages) {
    const last = alternating.at(-1);
    if (last?.role === message.role) {
      last.content += `\n\n${message.content}`;
      delete last.tokens;
    } else alternating.push({ ...message });
  }
  return alternating;
}
