import { AppError } from '../../errors/app-error';
import { invalidRequest } from '../../http/http-errors';

export const originNotAllowed = () =>
  new AppError('forbidden', 'origin_not_allowed', 'Pages of this origin may not connect.');

export const invalidHandshake = () =>
  new AppError('invalid', 'invalid_handshake', 'This is not a WebSocket handshake of version 13.', {
    headers: { 'Sec-WebSocket-Version': '13' },
  });

export const tooManySockets = () =>
  new AppError('rate_limited', 'too_many_sockets', 'This user has too many sockets open.', {
    retryAfterS: 30,
  });

export const tooManyFrames = () =>
  new AppError('rate_limited', 'rate_limited', 'Frames come faster than they may.');

export const tooManyStreams = () =>
  new AppError('rate_limited', 'too_many_streams', 'This socket reads too many streams at once.');

export const oneSubject = () =>
  invalidRequest('validation_failed', 'Some fields are not valid.', [
    { path: 'message_id', message: 'exactly one of message_id and conversation_id must be given' },
  ]);
