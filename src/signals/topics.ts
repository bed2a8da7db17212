/** A reply has begun, has ended, has left its queue, or has another place in it. */
export function replyTopic(messageId: string): string {
  return `reply.${messageId}`;
}

/** A conversation has a further turn, or has been deleted. */
export function conversationTopic(conversationId: string): string {
  return `conversation.${conversationId}`;
}

/** A model has named a conversation. */
export function titleTopic(conversationId: string): string {
  return `title.${conversationId}`;
}

/** Somebody wants a reply ended that the process with this registration writes. */
export function instanceTopic(instanceId: string): string {
  return `instance.${instanceId}`;
}
