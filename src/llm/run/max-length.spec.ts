import type { ModelPart } from '../llm-client';
import { MaxLength } from './max-length';

const text = (content: string): ModelPart => ({ type: 'text', text: content });

describe('MaxLength', () => {
  it('lets through what fits, to the last character', () => {
    const limit = new MaxLength(5);
    expect(limit.take([text('abc')])).toEqual({ parts: [text('abc')], exceeded: false });
    expect(limit.take([text('de')])).toEqual({ parts: [text('de')], exceeded: false });
  });

  it('cuts what does not', () => {
    const limit = new MaxLength(5);
    const reasoning: ModelPart = { type: 'reasoning', text: 'abc' };
    const cut = limit.take([reasoning, text('def'), text('ghi')]);
    expect(cut).toEqual({ parts: [reasoning, text('de')], exceeded: true });
  });

  it('does not cut a character in two', () => {
    expect(new MaxLength(3).take([text('ab🌍')])).toEqual({ parts: [text('ab')], exceeded: true });
    expect(new MaxLength(1).take([text('🌍')])).toEqual({ parts: [], exceeded: true });
  });
});
