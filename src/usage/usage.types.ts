export type UsageGroup = 'day' | 'model' | 'conversation';

/** What replies of one group and model have used. */
export interface UsageRow {
  /** A day, a model or a conversation; null for conversations that are gone. */
  key: string | null;
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

/** The same of what is gone. */
export type PastUsageRow = Omit<UsageRow, 'key' | 'rest'> & { day: string };

/** Days in UTC, both included. */
export interface UsagePeriod {
  from: string;
  to: string;
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
