import fc from 'fast-check';
import { ThinkSplitter } from './think-splitter';

function split(...deltas: string[]): { reasoning: string; text: string } {
  const splitter = new ThinkSplitter();
  const pieces = [...deltas.map((delta) => splitter.push(delta)), splitter.end()];
  return {
    reasoning: pieces.map(({ reasoning }) => reasoning).join(''),
    text: pieces.map(({ text }) => text).join(''),
  };
}

describe('ThinkSplitter', () => {
  it.each([
    ['<think>a</think>b', 'a', 'b'],
    ['\n <think>a</think>\n\nb', 'a', 'b'],
    ['<think></think>b', '', 'b'],
    ['<think>a < b </thin </think>c <think>d</think>', 'a < b </thin ', 'c <think>d</think>'],
    ['b <think>a</think>', '', 'b <think>a</think>'],
    ['<thinking>a', '', '<thinking>a'],
    ['<think>never closed</thi', 'never closed</thi', ''],
    ['<thi', '', '<thi'],
    ['  ', '', '  '],
    ['', '', ''],
    ['<think>a</think>', 'a', ''],
  ])('%j', (answer, reasoning, text) => {
    expect(split(answer)).toEqual({ reasoning, text });
    expect(split(...answer)).toEqual({ reasoning, text });
  });

  it('does not wait for ever for the tag', () => {
    const splitter = new ThinkSplitter();
    expect(splitter.push(' '.repeat(300)).text).toHaveLength(300);
  });

  it('does not hold back text that cannot be a tag', () => {
    const splitter = new ThinkSplitter();
    expect(splitter.push('<think>a')).toEqual({ reasoning: 'a', text: '' });
    expect(splitter.push('b</x')).toEqual({ reasoning: 'b</x', text: '' });
    expect(splitter.push('c</')).toEqual({ reasoning: 'c', text: '' });
  });

  it('gives the same wherever the answer is cut', () => {
    const piece = fc.constantFrom('<', '/', '>', 'think', '<think>', '</think>', ' ', '\n', 'a', 'th', 'ink');
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        expect(split(...pieces)).toEqual(split(pieces.join('')));
        expect(split(...pieces.join(''))).toEqual(split(pieces.join('')));
      }),
    );
  });
});

describe('where the template holds the first tag', () => {
  const splitOpen = (pieces: string[]) => {
    const splitter = new ThinkSplitter(true);
    const all = [...pieces.map((piece) => splitter.push(piece)), splitter.end()];
    return [all.map(({ reasoning }) => reasoning).join(''), all.map(({ text }) => text).join('')];
  };

  it.each([
    ['Hm. So.</think>\n\nYes.', ['Hm. So.', 'Yes.']],
    ['<think>Hm.</think>Yes.', ['Hm.', 'Yes.']],
    ['\n<think>\nHm.</think>Yes.', ['\nHm.', 'Yes.']],
    ['</think>Yes.', ['', 'Yes.']],
    ['Hm', ['Hm', '']],
    ['<', ['<', '']],
    ['<b>Hm</b></think>Yes </think>', ['<b>Hm</b>', 'Yes </think>']],
  ])('%j', (text, expected) => {
    expect(splitOpen([text])).toEqual(expected);
    expect(splitOpen([...text])).toEqual(expected);
  });
});
