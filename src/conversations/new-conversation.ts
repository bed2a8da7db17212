import { newId } from '../common/ids';
import type { ConversationEntity } from './conversation.entity';
import type { ConversationFields } from './conversation.types';

/** A conversation of this user without messages. */
export function newConversation(userId: string, fields: ConversationFields): ConversationEntity {
  const now = new Date();
  return {
    key: null,
    title: null,
    title_source: fields.title ? 'user' : 'auto',
    title_job_id: null,
    model: null,
    system_prompt: null,
    settings: {},
    metadata: {},
    pinned: false,
    archived: false,
    ...fields,
    id: newId(),
    user_id: userId,
    version: 1,
    active_leaf_id: null,
    last_sequence: 0,
    context_from: 0,
    indexed_from: 0,
    indexed_to: 0,
    stored_bytes: '0',
    message_count: 0,
    unread: false,
    removed_replies: null,
    deleted_at: null,
    last_activity_at: now,
    created_at: now,
    updated_at: now,
  };
}
