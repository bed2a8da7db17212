import type { StoredUsage } from '../messages/message.types';

export type UsageGroup = 'day' | 'model' | 'conversation' | 'kind';

/** Purposes of usage. */
export const USAGE_KINDS = ['reply', 'title'] as const;
export type UsageKind = (typeof USAGE_KINDS)[number];

/** Usage of one group, kind and model. */
export interface UsageRow {
  /** A day, a model, a conversation or a kind; null, by conversation, for past usage: of removed replies and of titles. */
  key: string | null;
  kind: UsageKind;
  /** True for the sum of all groups beyond the bound on their number. */
  rest: boolean;
  model: string;
  replies: number;
  input_tokens: number;
  output_tokens: number;
  reasoning_tokens: number;
  cached_input_tokens: number;
  /** Parts of `input_tokens` and `output_tokens` by models of the user's own. */
  own_input_tokens: number;
  own_output_tokens: number;
}

/** Usage of a model call that is no reply. */
export interface UsedTokens {
  /** `ModelConfig.id` */
  model: string;
  usage: StoredUsage;
}

/** Past usage of one day, kind and model. */
export type PastUsageRow = Omit<UsageRow, 'key' | 'rest'> & { day: string };

/** First and last day, in UTC, both included, and the purpose; all purposes without `kind`. */
export interface UsagePeriod {
  from: string;
  to: string;
  kind?: UsageKind;
}

/** State of a user's quotas. */
export interface QuotaState {
  /** Number of other conversations with an open reply of the last 24 hours; in this one only one reply can run. */
  open: number;
  /** Tokens used today, and set aside for running or queued replies. */
  tokens: number;
  /** Upper bound of the tokens of this conversation in a context, with those that its open replies may add. */
  earlier: number;
  seconds_left: number;
}
