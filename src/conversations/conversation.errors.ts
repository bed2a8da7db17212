import { validationFailed } from '../http/validation.pipe';
import { INVALID_NAME } from './conversation-name';
import { AppError } from '../errors/app-error';

export const conversationNotFound = () =>
  new AppError('not_found', 'conversation_not_found', 'No conversation with this id.');

export const keyTaken = () =>
  new AppError('conflict', 'key_taken', 'Another conversation has this key already.');

export const invalidName = (path: string) => validationFailed([{ path, message: INVALID_NAME }]);

export const conversationChanged = () =>
  new AppError(
    'precondition_failed',
    'conversation_changed',
    'The conversation was changed since you read it.',
  );

export const unknownModel = () =>
  new AppError('invalid', 'model_not_found', 'No model with this id; see GET /models.', {
    errors: [{ path: 'model', message: 'must be the id of a model of GET /models' }],
  });
