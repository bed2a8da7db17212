import type { StoredUsage } from '../messages/message.types';

export type UsageGroup = 'day' | 'model' | 'conversation' | 'kind';

/** What tokens were used for. */
export const USAGE_KINDS = ['reply', 'title'] as const;
export type UsageKind = (typeof USAGE_KINDS)[number];

/** What was used of one group, kind and model. */
export interface UsageRow {
  /** A day, a model, a conversation or a kind; null for what has no conversation: those that are gone, and titles. */
  key: string | null;
  kind: UsageKind;
  /** Of all groups beyond the bound on their number together. */
  rest: boolean;
  model: string;
  replies: number;
  input_tokens: number;
  output_tokens: number;
  reasoning_tokens: number;
  cached_input_tokens: number;
  /** Of `input_tokens` and `output_tokens`: of models of the user's own. */
  own_input_tokens: number;
  own_output_tokens: number;
}

/** What a model was asked for besides replies. */
export interface UsedTokens {
  /** `ModelConfig.id` */
  model: string;
  usage: StoredUsage;
}

/** The same of what is gone. */
export type PastUsageRow = Omit<UsageRow, 'key' | 'rest'> & { day: string };

/** Days in UTC, both included, and what for; all without `kind`. */
export interface UsagePeriod {
  from: string;
  to: string;
  kind?: UsageKind;
}

/** What a user has of what is limited. */
export interface QuotaState {
  /** How many other conversations have an open reply; in this one it is the only one that can run. */
  open: number;
  /** Used today, and set aside for what is running or waits. */
  tokens: number;
  /** All that this conversation could show to a model, with what its open replies may add; more than it will. */
  earlier: number;
  seconds_left: number;
}
