/**
 * How many tokens an older vocabulary takes for one of `o200k_base`, by script (first code point, last code point, factor). Measured with
 * `cl100k_base` on one sentence of everyday text for each language, and rounded up; Georgian is the highest factor that has been reported.
 */
const SCRIPTS: readonly (readonly [number, number, number])[] = [
  // Greek, Cyrillic
  [0x0370, 0x052f, 2.4],
  // Armenian
  [0x0530, 0x058f, 5],
  // Hebrew, Arabic, Syriac, Thaana
  [0x0590, 0x07bf, 2.5],
  // Devanagari
  [0x0900, 0x097f, 3.6],
  // Bengali, Gurmukhi
  [0x0980, 0x0a7f, 4],
  // Gujarati, Odia, Tamil, Telugu, Kannada, Malayalam, Sinhala
  [0x0a80, 0x0dff, 5],
  // Thai, Lao, Tibetan
  [0x0e00, 0x0fff, 3],
  // Burmese
  [0x1000, 0x109f, 4],
  // Georgian
  [0x10a0, 0x10ff, 5.9],
  // Hangul Jamo; Ethiopic
  [0x1100, 0x139f, 1.7],
  // Khmer
  [0x1780, 0x17ff, 3.2],
  // Chinese, Japanese, Korean
  [0x2e80, 0xd7ff, 1.7],
  // Their compatibility forms, and wide ones
  [0xf900, 0xffef, 1.7],
];
/** Languages of Latin script other than English. */
const LATIN = 1.7;
/** Factors by 32 code points: where scripts begin and end is a multiple of it, or nearly. */
const BY_BLOCK = Array.from({ length: 0x10000 / 32 }, (_, block) => {
  const first = block * 32;
  return SCRIPTS.find(([from, to]) => first + 31 >= from && first <= to)?.[2] ?? 1;
});
const PLAIN = /^\p{ASCII}*$/u;

/** What a count of a text in `o200k_base` is to be multiplied by for a model with another vocabulary, whose encoding we do not have. */
export function scriptWeight(text: string): number {
  if (text === '' || PLAIN.test(text)) return 1;
  let weight = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) weight += 1;
    else weight += code < 0x370 ? LATIN : BY_BLOCK[code >> 5];
  }
  return weight / text.length;
}
