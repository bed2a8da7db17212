import type { MessageRole } from '../messages/message.types';
import type { HistoryMessage } from '../messages/messages.service';
import { isOpen } from '../messages/message.types';

/** What is shown of a message to whoever has the link. */
export interface SharedMessage {
  role: MessageRole;
  content: string;
  /** Tokens of `content`, for who copies it. */
  tokens: number;
  /** RFC 3339. */
  created_at: string;
}

/**
 * Of a message that is over: its text alone. Reasoning may quote the system prompt, and what tools were called with, files and sources are the
 * owner's; a further kind of part is not shown until it is named here.
 */
export function toSharedMessage(message: HistoryMessage): SharedMessage | undefined {
  const { role, parts, cut_texts, tokens, created_at } = message;
  if (isOpen(message) || (role !== 'user' && role !== 'assistant')) return undefined;
  const texts = cut_texts ?? parts.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  return { role, content: texts.join(''), tokens, created_at: created_at.toISOString() };
}
