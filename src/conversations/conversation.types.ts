import type { ModelSettings } from '../config/models-config';

/** What a client may set of a conversation. */
export interface ConversationFields {
  title?: string | null;
  model?: string | null;
  system_prompt?: string | null;
  settings?: ModelSettings;
  metadata?: Record<string, string>;
  pinned?: boolean;
  archived?: boolean;
}
