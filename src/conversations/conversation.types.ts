import type { ModelSettings } from '../config/models-config';

export const TITLE_SOURCES = ['auto', 'model', 'user'] as const;
/** Whose a title is: the first words of what was said, a model's, or a person's, which nothing replaces unless it is asked for. */
export type TitleSource = (typeof TITLE_SOURCES)[number];

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
