import { AppError, isNotFound, type ErrorKind } from '../errors/app-error';
import type { Message } from '../messages/messages.service';
import { STORAGE_UNAVAILABLE } from './events/reply-outcome';

export const noReply = () =>
  new AppError('not_found', 'message_not_found', 'There is no reply in this conversation yet.');

export const notAUserMessage = () =>
  new AppError('invalid', 'not_a_user_message', 'Only what a user said can be edited.');

export const replyComplete = () =>
  new AppError(
    'conflict',
    'reply_complete',
    'Only a reply that was stopped, interrupted or cut off can be continued.',
  );

/** The stop request stays stored: the reply ends as soon as the process that writes it, or the one that replaces it, can end it. */
export const stopPending = () =>
  new AppError('unavailable', 'stop_pending', 'The reply has been told to stop, but has not ended yet.', {
    retryAfterS: 5,
  });

export const replyNotFound = () => new AppError('not_found', 'message_not_found', 'No reply with this id.');

export const invalidResumeId = () =>
  new AppError('invalid', 'invalid_last_event_id', 'Last-Event-ID is not the id of an event of this stream.');

/** Maps `not_found`: a reply that does not exist for this user cannot be in the id of one of their events. */
export function asInvalidResumeId(error: unknown): never {
  throw isNotFound(error) ? invalidResumeId() : error;
}

export const conversationGone = () =>
  new AppError('not_found', 'conversation_deleted', 'The conversation was deleted during this reply.');

/** Error for a client that waits for a reply that failed; both messages are kept. */
export function replyFailed(reply: Message): AppError {
  const { code, message } = reply.error ?? STORAGE_UNAVAILABLE;
  const kind = KINDS[code] ?? 'provider_failed';
  return new AppError(kind, code, message, {
    extensions: { message_id: reply.id, user_message_id: reply.parent_id ?? '' },
    ...(kind === 'unavailable' && { retryAfterS: 5 }),
  });
}

/** Error kind by error code; any other code is a failure of the provider. */
const KINDS: Partial<Record<string, ErrorKind>> = {
  provider_timeout: 'provider_timeout',
  interrupted: 'unavailable',
  storage_unavailable: 'unavailable',
  storage_refused: 'internal',
  internal_error: 'internal',
};
