import type { ModelConfig } from '../../config/models-config';
import { testProvider, testRequest } from '../../../test/support/model-calls';
import { requestBody } from './request-body';

const provider = testProvider('http://127.0.0.1:1/v1');

describe('requestBody', () => {
  it('sends the model, the messages and nothing that was not asked for', () => {
    expect(requestBody(testRequest(provider))).toEqual({
      model: 'test-model-name',
      messages: [{ role: 'user', content: 'Hello?' }],
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it('does not ask a provider for usage that cannot count it', () => {
    const body = requestBody(testRequest({ ...provider, streamUsage: false }));
    expect(body).not.toHaveProperty('stream_options');
  });

  it('sends every setting by its wire name', () => {
    const settings = {
      temperature: 0,
      top_p: 0.5,
      max_output_tokens: 10,
      stop: ['x'],
      seed: 7,
      reasoning_effort: 'low' as const,
    };
    const { max_output_tokens: _, ...wire } = settings;
    expect(requestBody(testRequest(provider, {}, settings))).toMatchObject({ ...wire, max_tokens: 10 });
    expect(requestBody(testRequest(provider, {}, settings))).not.toHaveProperty('max_output_tokens');
  });

  it('names the limit as the model wants it, and keeps it below the model’s', () => {
    const model = { maxTokensField: 'max_completion_tokens' as const, maxOutputTokens: 100 };
    const body = requestBody(testRequest(provider, model, { max_output_tokens: 5000 }));
    expect(body).toMatchObject({ max_completion_tokens: 100 });
    expect(body).not.toHaveProperty('max_tokens');
  });

  it('leaves out what the model does not understand', () => {
    const model = { unsupportedSettings: ['temperature' as const, 'max_output_tokens' as const] };
    const body = requestBody(testRequest(provider, model, { temperature: 1, max_output_tokens: 5, seed: 1 }));
    expect(body).not.toHaveProperty('temperature');
    expect(body).not.toHaveProperty('max_tokens');
    expect(body).toMatchObject({ seed: 1 });
  });

  it('lets a client’s settings win over the model’s, but not by being absent', () => {
    const model = { settings: { temperature: 0.3, top_p: 0.9 } };
    const body = requestBody(testRequest(provider, model, { temperature: 1, top_p: undefined }));
    expect(body).toMatchObject({ temperature: 1, top_p: 0.9 });
  });

  describe.each(['The capital ', 'The capital\n\n', ' The capital\t'])('that goes on with %j', (content) => {
    const prefix = content.trimEnd();
    const bodyOf = (continuation: ModelConfig['continuation']) =>
      requestBody({
        ...testRequest(provider, { continuation }),
        messages: [
          { role: 'user', content: 'Norway?' },
          { role: 'assistant', content },
        ],
      });

    it.each([
      ['prefill', {}, {}],
      ['prefix', { prefix: true }, {}],
      ['partial', { partial: true }, {}],
      ['final_message', {}, { add_generation_prompt: false, continue_final_message: true }],
    ] as const)('has no white space at its end for %s', (continuation, mark, fields) => {
      expect(bodyOf(continuation)).toMatchObject({
        messages: [
          { role: 'user', content: 'Norway?' },
          { role: 'assistant', content: prefix, ...mark },
        ],
        ...fields,
      });
    });

    it('is asked for in words of a model that has no way of its own', () => {
      expect(bodyOf('instruct')).toMatchObject({
        messages: [{ role: 'user' }, { role: 'assistant', content }, { role: 'user' }],
      });
    });
  });

  it('does not send an empty list of stop words', () => {
    expect(requestBody(testRequest(provider, {}, { stop: [] }))).not.toHaveProperty('stop');
  });
});
