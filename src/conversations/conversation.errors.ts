import { AppError } from '../errors/app-error';

export const conversationNotFound = () =>
  new AppError('not_found', 'conversation_not_found', 'No conversation with this id.');

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
