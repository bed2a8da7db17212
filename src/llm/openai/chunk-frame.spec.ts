import { ChunkFrame } from './chunk-frame';

const chunk = (delta: object, more: object = {}) =>
  JSON.stringify({ id: 'c-1', model: 'm', choices: [{ index: 0, delta, finish_reason: null, ...more }] });
const event = (data: string) => `data: ${data}\n\n`;
const textAt = (frame: ChunkFrame, stream: string, at = 0) => frame.textAt(Buffer.from(stream), at);
const framed = (...chunks: string[]) => {
  const frame = new ChunkFrame();
  chunks.forEach((data) => frame.learn(data));
  return frame;
};

describe('ChunkFrame', () => {
  const frame = framed(chunk({ content: 'Hel' }));

  it.each(['lo', ' ', 'ü', '😀', 'a: b, {c}'])('takes the text %j as it is', (content) => {
    const stream = event(chunk({ content }));
    expect(textAt(frame, stream)).toEqual({ text: content, end: Buffer.byteLength(stream) });
  });

  it('finds one event after the other', () => {
    const stream = ['ä', 'bc'].map((content) => event(chunk({ content }))).join('');
    const first = textAt(frame, stream);
    expect(textAt(frame, stream, first?.end)).toEqual({ text: 'bc', end: Buffer.byteLength(stream) });
    expect(textAt(frame, stream, Buffer.byteLength(stream))).toBeUndefined();
  });

  it('leaves an event that is not whole', () => {
    const whole = event(chunk({ content: 'x' }));
    for (let length = 0; length < whole.length; length++)
      expect(textAt(frame, whole.slice(0, length))).toBeUndefined();
  });

  it.each([
    ['text that is written otherwise in JSON', chunk({ content: 'a"b' })],
    ['a line feed', chunk({ content: '\n' })],
    ['a lone surrogate, which is escaped', chunk({ content: '\ud83d' })],
    ['no text', chunk({ content: '' })],
    ['another id', chunk({ content: 'x' }).replace('c-1', 'c-2')],
    ['an end', chunk({ content: 'x' }, { finish_reason: 'stop' })],
    ['a further field', chunk({ content: 'x', refusal: 'no' })],
    ['a quote that closes the text early', chunk({ content: 'x' }).replace('"x"', '"x","refusal":"y"')],
    ['nothing of the kind', '[DONE]'],
  ])('leaves %s to be parsed', (_what, data) => {
    expect(textAt(frame, event(data))).toBeUndefined();
  });

  it.each([
    ['a chunk with a role only', chunk({ role: 'assistant' })],
    ['reasoning beside the text', chunk({ content: 'x', reasoning: 'y' })],
    ['an end', chunk({ content: 'x' }, { finish_reason: 'stop' })],
    ['a call', chunk({ content: 'x', tool_calls: [{ index: 0, id: 'c', function: { name: 'f' } }] })],
    ['the next piece of a call', chunk({ content: 'x', tool_calls: [{ function: { arguments: '{' } }] })],
    ['a call as OpenAI had it before', chunk({ content: 'x', function_call: { name: 'f' } })],
    ['data of several lines', chunk({ content: 'x' }).replace(',', ',\n')],
    ['a content that is somewhere else', JSON.stringify({ content: 'x', choices: [{ delta: {} }] })],
    ['what is no JSON', '{"content":"x"'],
  ])('learns nothing from %s', (_what, data) => {
    expect(textAt(framed(data), event(data))).toBeUndefined();
  });

  it.each([null, []])('learns from a chunk whose tool calls are %j', (tool_calls) => {
    const of = (content: string) => chunk({ content, tool_calls });
    expect(textAt(framed(of('Hel')), event(of('lo')))?.text).toBe('lo');
  });

  it('learns from the next chunk, where the first one has a role besides', () => {
    const second = framed(chunk({ role: 'assistant', content: '' }), chunk({ content: 'Hel' }));
    expect(textAt(second, event(chunk({ content: 'lo' })))?.text).toBe('lo');
  });

  it('gives up on a provider whose chunks all differ', () => {
    const chunks = Array.from({ length: 4 }, (_, n) => chunk({ content: 'x' }).replace('c-1', `c-${n}`));
    expect(textAt(framed(...chunks), event(chunks[3]))).toBeUndefined();
  });
});
