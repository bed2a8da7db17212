/**
 * The lengths (UTF-16 units) of a reply's chunk and reasoning events as LEB128 numbers: one byte for most of them.
 * With the parts they give back each event of the log, so that the text need not be stored a second time.
 */
export function encodeLengths(lengths: readonly number[]): Buffer {
  const bytes: number[] = [];
  for (let rest of lengths) {
    for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
  }
  return Buffer.from(bytes);
}

export function decodeLengths(bytes: Uint8Array): number[] {
  const lengths: number[] = [];
  let value = 0;
  let shift = 0;
  for (const byte of bytes) {
    value |= (byte & 0x7f) << shift;
    shift += 7;
    if (byte < 0x80) {
      lengths.push(value);
      value = shift = 0;
    }
  }
  return lengths;
}
