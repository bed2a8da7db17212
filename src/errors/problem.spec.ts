import { AppError } from './app-error';
import { toProblemBody } from './problem';

describe('toProblemBody', () => {
  it('has the members of RFC 9457 and ours', () => {
    const error = new AppError('not_found', 'conversation_not_found', 'No conversation with this id.');
    expect(toProblemBody(error, '/api/v1/x', 'req_1')).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      code: 'conversation_not_found',
      detail: 'No conversation with this id.',
      instance: '/api/v1/x',
      request_id: 'req_1',
    });
  });

  it('adds field errors and extensions, which cannot replace the standard members', () => {
    const error = new AppError('provider_failed', 'provider_failed', 'The model failed.', {
      errors: [{ path: 'a', message: 'b' }],
      extensions: { message_id: 'm1', status: '200', code: 'ok' },
      cause: new Error('canary'),
    });
    const body = toProblemBody(error, '/', 'req_1');
    expect(body).toMatchObject({
      status: 502,
      code: 'provider_failed',
      message_id: 'm1',
      errors: [{ path: 'a', message: 'b' }],
    });
    expect(JSON.stringify(body)).not.toContain('canary');
  });
});
