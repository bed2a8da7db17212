import { Injectable } from '@nestjs/common';
import type { ModelMessage } from '../llm/llm-client';
import { LlmError } from '../llm/llm-error';
import type { ContextMessage } from '../messages/message.types';
import { MessagesService } from '../messages/messages.service';
import { textOf } from '../messages/content/reply-content';

export interface ContextRequest {
  systemPrompt: string | null;
  userId: string;
  /** The message to be answered: the end of the path. */
  leafId: string;
  /** Token budget of the messages (`contextTokens` in `context-tokens.ts`). */
  contextTokens: number;
  /** Sequence number: messages up to and including it are left out. */
  contextFrom: number;
}

@Injectable()
export class ContextLoader {
  constructor(private readonly messages: MessagesService) {}

  /**
   * Messages for the model of a queued reply, once it is its turn: the system prompt, then the newest whole messages of the path that fit,
   * oldest first. Other turns get their context from the statement that stores them.
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
 * user's (earlier ones may not have fitted), and no two neighbours have the same role. The given messages are not changed.
 *
 * - A turn that a filter refused is left out: it would be refused again.
 * - A turn that failed before its first word is left out: the user usually sends its message again.
 * - Messages of one role with no text between them (a reply was stopped before its first word, cancelled, or only reasoning) become one message.
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

/** Joins neighbours of one role into one message, each as a paragraph. */
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
