import {
  BadRequestException,
  HttpException,
  ImATeapotException,
  NotFoundException,
  ServiceUnavailableException,
} from '@nestjs/common';
import { AppError } from '../errors/app-error';
import { toAppError } from './to-app-error';

function httpError(statusCode: number, expose: boolean): Error {
  return Object.assign(new Error('canary'), { statusCode, status: statusCode, expose });
}

describe('toAppError', () => {
  it('leaves our own errors alone', () => {
    const error = new AppError('conflict', 'conflict', 'y');
    expect(toAppError(error)).toBe(error);
  });

  it.each([
    [new NotFoundException('canary'), 'not_found', 'route_not_found'],
    [new BadRequestException('canary'), 'invalid', 'invalid_request'],
    [new ImATeapotException('canary'), 'invalid', 'invalid_request'],
    [new ServiceUnavailableException('canary'), 'unavailable', 'unavailable'],
    [new HttpException('canary', 500), 'internal', 'internal_error'],
    [new HttpException('canary', 302), 'internal', 'internal_error'],
    [httpError(413, true), 'too_large', 'body_too_large'],
    [httpError(400, false), 'invalid', 'invalid_request'],
    [httpError(500, false), 'internal', 'internal_error'],
    [
      Object.assign(new Error('canary'), { name: 'MulterError', code: 'LIMIT_FILE_SIZE' }),
      'too_large',
      'body_too_large',
    ],
    [
      Object.assign(new Error('canary'), { name: 'MulterError', code: 'MISSING_FIELD_NAME' }),
      'invalid',
      'invalid_request',
    ],
    [Object.assign(new Error('canary'), { statusCode: 404 }), 'internal', 'internal_error'],
    [Object.assign(new Error('canary'), { code: '22P02' }), 'invalid', 'invalid_value'],
    [Object.assign(new Error('canary'), { code: '57P01' }), 'unavailable', 'database_unavailable'],
    [new TypeError('canary'), 'internal', 'internal_error'],
    ['canary', 'internal', 'internal_error'],
    [null, 'internal', 'internal_error'],
    [undefined, 'internal', 'internal_error'],
  ])('turns %p into %s %s', (thrown, kind, code) => {
    const error = toAppError(thrown);
    expect(error).toMatchObject({ kind, code });
    expect(error.message).not.toContain('canary');
  });
});
