import type { ModelSettings } from '../config/models-config';

/** What a client may set of a conversation. */
export interface ConversationFields {
  /** Only of a new one. */
  key?: string;
  title?: string | null;
  model?: string | null;
  system_prompt?: string | null;
  settings?: ModelSettings;
  metadata?: Record<string, string>;
  pinned?: boolean;
  archived?: boolean;
}

/** A key that a user may have given a conversation. */
export interface OwnKey {
  userId: string;
  key: string;
}

export interface ConversationFilter {
  archived: boolean;
  /** Matches anywhere in the title, whatever the case. */
  q?: string;
}

/** Where a list page begins: after this conversation. */
export interface ConversationPosition {
  last_activity_at: string;
  id: string;
}
