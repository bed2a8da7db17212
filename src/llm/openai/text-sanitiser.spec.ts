import fc from 'fast-check';
import { TextSanitiser } from './text-sanitiser';

function sanitise(...deltas: string[]): string {
  const sanitiser = new TextSanitiser();
  return [...deltas.map((delta) => sanitiser.push(delta)), sanitiser.end()].join('');
}

describe('TextSanitiser', () => {
  it.each([
    [['plain'], 'plain'],
    [['a\0b\0'], 'a\uFFFDb\uFFFD'],
    [['\ud83c', '\udf0d'], '🌍'],
    [['x\ud83c', '\udf0dy'], 'x🌍y'],
    [['\ud83c', 'a'], '\uFFFDa'],
    [['\ud83c', '\ud83c', '\udf0d'], '\uFFFD🌍'],
    [['\udf0d', 'a'], '\uFFFDa'],
    [['\ud83c'], '\uFFFD'],
    [['\ud83c', '', '\udf0d'], '🌍'],
    [['data: x\n\n\u001b[31m'], 'data: x\n\n\u001b[31m'],
  ])('%j becomes %j', (deltas, expected) => {
    expect(sanitise(...deltas)).toBe(expected);
  });

  it('never gives out half a pair or NUL, and keeps what is well-formed, wherever it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), fc.array(fc.nat(200)), (strings, cuts) => {
        const text = strings.join('');
        const at = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
        const deltas = at.slice(1).map((end, index) => text.slice(at[index], end));
        const sanitiser = new TextSanitiser();
        const pieces = [...deltas.map((delta) => sanitiser.push(delta)), sanitiser.end()];
        expect(pieces.every((piece) => piece.isWellFormed() && !piece.includes('\0'))).toBe(true);
        expect(pieces.join('')).toBe(text.toWellFormed().replaceAll('\0', '\uFFFD'));
      }),
    );
  });
});
