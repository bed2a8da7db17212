import type { ModelSettings } from '../config/models-config';

export const TITLE_SOURCES = ['auto', 'model', 'user'] as const;
/** Origin of a title: the first words of the first message, a model, or the user, whose title is replaced only on request. */
export type TitleSource = (typeof TITLE_SOURCES)[number];

/** Fields of a conversation that a client may set. */
export interface ConversationFields {
  /** Only for a new conversation. */
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

/** Messages that were added to a conversation. */
export interface FurtherMessages {
  /** Last message of the active path. */
  leafId: string;
  count: number;
  bytes: number;
  at: Date;
  /** Sequence number: messages up to and including it are not sent to a model. */
  contextFrom: number;
}

export interface RemovedMessages {
  messages: number;
  bytes: number;
  /** Sequences of the replies among the messages, by id. */
  replies: Record<string, number>;
}

/** Last known sequence and version of a watched conversation. */
export interface WatchedPosition {
  id: string;
  userId: string;
  sequence: number;
  version: number;
}

export interface ChangedConversation {
  id: string;
  /** Null, as is `version`, if the conversation is gone. */
  last_sequence: number | null;
  version: number | null;
}
