import { StreamableFile } from '@nestjs/common';
import { Readable } from 'node:stream';

export const NDJSON = 'application/x-ndjson';

/** A download of one JSON object per line, as many at a time as its reader takes. */
export function ndjsonFile(items: AsyncIterable<object>, filename: string): StreamableFile {
  const file = new StreamableFile(Readable.from(ndjson(items)), {
    type: NDJSON,
    disposition: `attachment; filename="${filename}"`,
  });
  // Half of an export must not look like a whole one.
  return file.setErrorHandler((_error, response) => response.destroy?.()).setErrorLogger(() => undefined);
}

/** One line of JSON per object, a few at a time. */
async function* ndjson(items: AsyncIterable<object>): AsyncGenerator<string> {
  let lines = '';
  for await (const item of items) {
    lines += `${JSON.stringify(item)}\n`;
    if (lines.length < 16 * 1024) continue;
    yield lines;
    lines = '';
  }
  if (lines) yield lines;
}
