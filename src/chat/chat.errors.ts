import { AppError } from '../errors/app-error';
import type { ErrorKind } from '../errors/app-error';
import type { Message } from '../messages/messages.service';

export const noReply = () =>
  new AppError('not_found', 'message_not_found', 'There is no reply in this conversation yet.');

export const invalidResumeId = () =>
  new AppError('invalid', 'invalid_last_event_id', 'Last-Event-ID is not the id of an event of this stream.');

export const conversationGone = () =>
  new AppError('not_found', 'conversation_deleted', 'The conversation was deleted during this reply.');

/** What a waiting client is told of a reply that failed; both messages are kept. */
export function replyFailed(reply: Message): AppError {
  const error = reply.error ?? { code: 'internal_error', message: 'The reply failed.' };
  return new AppError(kindOf(error.code), error.code, error.message, {
    extensions: { message_id: reply.id, user_message_id: reply.parent_id ?? '' },
    ...(error.code === 'interrupted' && { retryAfterS: 5 }),
  });
}

function kindOf(code: string): ErrorKind {
  if (code === 'provider_timeout') return 'provider_timeout';
  return code === 'interrupted' ? 'unavailable' : 'provider_failed';
}
