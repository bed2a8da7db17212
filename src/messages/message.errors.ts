import { STORAGE_BOUNDS } from '../config/bounds';
import { AppError } from '../errors/app-error';

export const messageNotFound = () =>
  new AppError('not_found', 'message_not_found', 'No message with this id.');

export const replyInProgress = () =>
  new AppError('conflict', 'reply_in_progress', 'A reply is still running in this conversation.');

export const queueFull = () =>
  new AppError('conflict', 'queue_full', 'Too many messages wait in this conversation already.');

export const modelQueueFull = () =>
  new AppError('conflict', 'queue_full', 'Too many replies wait for this model already; try again later.');

export const pathTooLong = () =>
  new AppError(
    'conflict',
    'path_too_long',
    `A path of more than ${STORAGE_BOUNDS.forkedPath.limit} messages cannot be copied.`,
  );

export const tooMuchBelow = () =>
  new AppError(
    'conflict',
    'too_much_below',
    `More than ${STORAGE_BOUNDS.removedBelow.limit} messages hang below this one; remove some of them first, or the conversation.`,
  );

export const tooMuchShared = () =>
  new AppError(
    'conflict',
    'too_much_shared',
    'Shares would keep too much of what is deleted; take some of them back first, or share less of it.',
  );

export const parentNotAReply = () =>
  new AppError('invalid', 'invalid_parent', 'A message can only follow a reply.', {
    errors: [{ path: 'parent_id', message: 'must be the id of an assistant message of this conversation' }],
  });
