/** One line of JSON per object, a few at a time. */
export async function* ndjson(items: AsyncIterable<object>): AsyncGenerator<string> {
  let lines = '';
  for await (const item of items) {
    lines += `${JSON.stringify(item)}\n`;
    if (lines.length < 16 * 1024) continue;
    yield lines;
    lines = '';
  }
  if (lines) yield lines;
}
