import fc from 'fast-check';
import { callsTools, chunkError, readChunk } from './chunk';

const EMPTY = { reasoning: '', text: '', finishReason: null, usage: null };

function delta(fields: unknown) {
  return { choices: [{ index: 0, delta: fields, finish_reason: null }] };
}

describe('readChunk', () => {
  it.each([
    ['null', null],
    ['a list', []],
    ['a number', 5],
    ['text', 'x'],
    ['no choices', {}],
    ['null choices', { choices: null }],
    ['choices that are no list', { choices: { 0: { delta: { content: 'x' } } } }],
    ['empty choices', { choices: [] }],
    ['a null choice', { choices: [null] }],
    ['no delta', { choices: [{ index: 0 }] }],
    ['a null delta', delta(null)],
    ['a delta that is a list', delta([1])],
    ['content that is a number', delta({ content: 5 })],
    ['content that is an object', delta({ content: { text: 'x' } })],
    [
      'content parts of other types',
      delta({ content: [{ type: 'image_url' }, null, 7, { type: 'text', text: 5 }] }),
    ],
    [
      'null content and reasoning',
      delta({ content: null, reasoning_content: null, reasoning: null, refusal: null }),
    ],
    ['an empty finish reason', { choices: [{ delta: {}, finish_reason: '' }] }],
    ['tool calls without an index', delta({ tool_calls: [{ function: { arguments: '{' } }] })],
    ['audio', delta({ audio: { data: 'AAAA' } })],
    ['a prototype', JSON.parse('{"__proto__":{"choices":[{"delta":{"content":"x"}}]},"constructor":1}')],
  ])('finds nothing in %s', (_, chunk) => {
    expect(readChunk(chunk)).toEqual(EMPTY);
  });

  it('takes the first choice, whatever its index', () => {
    expect(readChunk({ choices: [{ index: 5, delta: { content: 'x' } }] }).text).toBe('x');
  });

  it('takes a whole message for a delta', () => {
    expect(readChunk({ choices: [{ message: { content: 'x', reasoning_content: 'r' } }] })).toMatchObject({
      text: 'x',
      reasoning: 'r',
    });
  });

  it.each([
    ['by its name', { tool_calls: [{ index: 0, id: 'c', function: { name: 'weather', arguments: '' } }] }],
    ['beside an empty one', { tool_calls: [null, { function: { name: 'weather' } }] }],
    ['as OpenAI had it before', { function_call: { name: 'weather', arguments: '{' } }],
  ])('knows a call of a tool %s', (_what, fields) => {
    expect(readChunk(delta(fields)).toolCall).toBe(true);
    expect(callsTools(delta(fields))).toBe(true);
  });

  it.each([{}, { tool_calls: null }, { tool_calls: [] }, { tool_calls: {} }, { function_call: null }])(
    'knows none in %j',
    (fields) => {
      expect(callsTools(delta(fields))).toBe(false);
    },
  );

  it('does not double reasoning that is sent under two names', () => {
    expect(readChunk(delta({ reasoning: 'r', reasoning_content: 'r' })).reasoning).toBe('r');
    expect(readChunk(delta({ reasoning: 'r', reasoning_content: '' })).reasoning).toBe('r');
  });

  it.each([
    [
      { prompt_tokens: 1, completion_tokens: 2 },
      { input_tokens: 1, output_tokens: 2, estimated: false },
    ],
    [{ prompt_tokens: 1 }, null],
    [{ prompt_tokens: -1, completion_tokens: 2 }, null],
    [
      { prompt_tokens: '1', completion_tokens: 2 },
      { input_tokens: 1, output_tokens: 2, estimated: false },
    ],
    [{ prompt_tokens: '1.5', completion_tokens: 2 }, null],
    [
      { prompt_tokens: 3, completion_tokens: 'x', total_tokens: 5 },
      { input_tokens: 3, output_tokens: 2, estimated: false },
    ],
    [{ prompt_tokens: 6, total_tokens: 5 }, null],
    [{ prompt_tokens: 1.5, completion_tokens: 2 }, null],
    [
      {
        prompt_tokens: 1,
        completion_tokens: 2,
        completion_tokens_details: null,
        prompt_tokens_details: null,
      },
      { input_tokens: 1, output_tokens: 2, estimated: false },
    ],
    [{}, null],
    [null, null],
    ['x', null],
  ])('reads the usage %j', (usage, expected) => {
    expect(readChunk({ choices: [], usage }).usage).toEqual(expected);
  });

  it('throws for no JSON at all', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        readChunk(value);
        readChunk({ choices: [value] });
        readChunk({ choices: [{ delta: value }], usage: value, x_groq: value });
        chunkError(value);
      }),
    );
  });
});

describe('chunkError', () => {
  it('finds an error only where there is one', () => {
    expect(chunkError({ error: { code: 1 } })).toEqual({ code: 1 });
    expect(chunkError({ error: 'x' })).toBe('x');
    expect(chunkError({ error: null, choices: [] })).toBeUndefined();
    expect(chunkError(null)).toBeUndefined();
  });
});
