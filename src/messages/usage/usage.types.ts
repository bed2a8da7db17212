export type UsageGroup = 'day' | 'model' | 'conversation';

/** What replies of one group and model have used. */
export interface UsageRow {
  /** A day, a model or a conversation; null for conversations that are gone. */
  key: string | null;
  model: string;
  replies: number;
  input_tokens: number;
  output_tokens: number;
  reasoning_tokens: number;
  cached_input_tokens: number;
}

/** Days in UTC, both included. */
export interface UsagePeriod {
  from: string;
  to: string;
}

/** What a user has of what is limited. */
export interface QuotaState {
  running: number;
  /** Used today, and set aside for what is running. */
  tokens: number;
  seconds_left: number;
}
