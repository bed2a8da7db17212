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

/** What a conversation has got. */
export interface FurtherMessages {
  /** The end of its active path. */
  leafId: string;
  count: number;
  bytes: number;
  at: Date;
  /** The sequence up to which nothing is shown to the model. */
  contextFrom: number;
}

export interface RemovedMessages {
  messages: number;
  bytes: number;
  /** Sequences of the replies among them, by id. */
  replies: Record<string, number>;
}

/** What is known of a conversation that is watched. */
export interface WatchedPosition {
  id: string;
  userId: string;
  sequence: number;
  version: number;
}

export interface ChangedConversation {
  id: string;
  /** Null with `version`: it is gone. */
  last_sequence: number | null;
  version: number | null;
}
