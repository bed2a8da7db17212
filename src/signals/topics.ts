/**
 * The role, password, sessions, keys or existence of a user has changed. The data is `subjectOf` the user in UTF-8; a signal without data may be
 * about any user.
 */
export const REVOCATIONS_TOPIC = 'revocations';

/** A reply has begun, has ended, has left its queue, or has another place in it. */
export function replyTopic(messageId: string): string {
  return `reply.${messageId}`;
}

/** A conversation has a further turn, or has been deleted. */
export function conversationTopic(conversationId: string): string {
  return `conversation.${conversationId}`;
}

/** The user has a conversation with this key now. */
export function keyTopic(userId: string, key: string): string {
  return `key.${userId} ${key}`;
}

/** A feed has shown the end of a reply, whose id is the data. */
export const SHOWN_ENDS = 'shown-ends';

/** The title of a conversation may have changed: a model has named it, or its title was taken back. */
export function titleTopic(conversationId: string): string {
  return `title.${conversationId}`;
}

/** The end of a reply was requested that the process with this registration writes. */
export function instanceTopic(instanceId: string): string {
  return `instance.${instanceId}`;
}

/** A user has further events (`src/user-events/`). */
export function userTopic(userId: string): string {
  return `user.${userId}`;
}
