import type { TokenUsage } from '../llm/llm-client';

export const MESSAGE_ROLES = ['user', 'assistant', 'system', 'tool'] as const;
export type MessageRole = (typeof MESSAGE_ROLES)[number];

export const MESSAGE_STATUSES = ['streaming', 'completed', 'stopped', 'failed', 'interrupted'] as const;
export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** A stretch of a message, in the order in which it was written. Neighbours differ in type. */
export interface MessagePart {
  type: 'text' | 'reasoning';
  text: string;
}

export interface MessageError {
  code: string;
  message: string;
  retryable: boolean;
}

/** One try to get a reply from one model of one provider. */
export interface MessageAttempt {
  provider: string;
  model: string;
  /** `ok`, `aborted` or the error's code. */
  outcome: string;
  started_at: string;
  first_event_ms: number | null;
  duration_ms: number;
}

/** How a reply ended, and what it holds. */
export interface ReplyOutcome {
  status: Exclude<MessageStatus, 'streaming'>;
  finish_reason: string | null;
  error: MessageError | null;
  usage: TokenUsage | null;
  attempts: MessageAttempt[];
}
