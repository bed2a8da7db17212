import { logFrom } from '../../test/support/log-from';
import { logged, terminalEvent, type LoggedEvent } from '../replies/events/event-codec';
import { withFullText } from './full-text';
import { parleyEncoder } from './parley.encoder';

const LONGEST_LINE = 64 * 1024;
const chunk = (content: string) => logged('reply', 1, { type: 'chunk', data: { content } });
const end = (text: string) =>
  logged(
    'reply',
    2,
    terminalEvent({
      id: 'reply',
      parts: [{ type: 'text', text }],
      finish_reason: 'stop',
      usage: null,
      error: null,
    }),
  );
const lineOf = (event: LoggedEvent) => parleyEncoder.encode([event]).split('\n')[1];

/** Events of this batch as a client of short lines gets them. */
async function delivered(batch: LoggedEvent[]): Promise<LoggedEvent[]> {
  const batches: LoggedEvent[][] = [];
  const log = logFrom(async function* () {
    yield batch;
  });
  const listener = (each: LoggedEvent[]) => void batches.push(each);
  await withFullText(false, log)(listener, new AbortController().signal);
  return batches[0];
}

describe('withFullText', () => {
  it.each([
    ['x', 1],
    ['ü', 2],
    ['\u2028', 3],
    ['👍', 4],
    ['\u0001', 6],
  ])('leaves an end whose line of %j is a byte below 64 KiB, and no other', async (unit, bytes) => {
    const room = LONGEST_LINE - Buffer.byteLength(`${lineOf(end(''))}\n`);
    const filled = (size: number) => end(unit.repeat(Math.floor(size / bytes)) + 'x'.repeat(size % bytes));
    const fits = [chunk('a'), filled(room - 1)];
    expect(await delivered(fits)).toBe(fits);
    const batch = [chunk('a'), filled(room)];
    const [first, last] = await delivered(batch);
    expect(first).toBe(batch[0]);
    expect(last).toMatchObject({ messageId: 'reply', sequence: 2, terminal: true });
    expect(JSON.parse(last.json)).toEqual({
      type: 'end',
      data: {
        full_text: null,
        message_id: 'reply',
        finish_reason: 'stop',
        usage: null,
        full_text_omitted: true,
      },
    });
  });

  it('hands on the same batch where nothing is to be left out, so that it is encoded once', async () => {
    for (const batch of [[chunk('x'.repeat(LONGEST_LINE))], [chunk('a'), end('a')]])
      expect(await delivered(batch)).toBe(batch);
  });

  it('is the log itself for a client that takes everything', () => {
    const log = () => Promise.resolve();
    expect(withFullText(true, log)).toBe(log);
  });
});
