import { describeError } from './describe-error';

describe('describeError', () => {
  it('tells type, message, code and stack, and of the causes too', () => {
    const error = new Error('outer', { cause: Object.assign(new TypeError('inner'), { code: 'E_INNER' }) });
    expect(describeError(error)).toMatchObject({
      type: 'Error',
      message: 'outer',
      stack: expect.stringContaining('describe-error.spec'),
      cause: { type: 'TypeError', message: 'inner', code: 'E_INNER' },
    });
  });

  it('leaves out whatever else a library put on an error', () => {
    const error = Object.assign(new Error('failed'), {
      parameters: ['canary'],
      request: { headers: { authorization: 'canary' } },
    });
    expect(JSON.stringify(describeError(error))).not.toContain('canary');
    expect(JSON.stringify(describeError({ body: 'canary' }))).not.toContain('canary');
  });

  it('leaves out what PostgreSQL repeats', () => {
    const error = Object.assign(new Error('invalid input syntax for type uuid: "canary"'), {
      code: '22P02',
      detail: 'canary',
      routine: 'string_to_uuid',
    });
    expect(describeError(error)).toMatchObject({
      sqlstate: '22P02',
      routine: 'string_to_uuid',
      stack: expect.stringMatching(/^\s+at /),
    });
    expect(JSON.stringify(describeError(error))).not.toContain('canary');
  });

  it('ends with causes that go in circles', () => {
    const error = new Error('a');
    error.cause = error;
    expect(JSON.stringify(describeError(error)).match(/"type"/g)).toHaveLength(4);
  });
});
