import { writeFileSync } from 'node:fs';
import { ReplyContent } from '../../../src/messages/content/reply-content';
import { PayloadReader } from '../../../src/replies/log/journal/payload-reader';
import { RecoveredEvents } from '../../../src/replies/log/journal/recovered-events';
import { makeStoredReplies } from '../../fixtures/replies/make';
import { importReplies, storedReplies, STORED_REPLIES_FILE, streamBody } from '../../support/stored-replies';
import { useChatApp } from '../../support/use-chat-app';

/*
 * Replies that earlier builds have stored stream the bytes that those builds sent, for ever: `test/fixtures/replies/`.
 */

const WRITER = { userId: 'alice', conversationId: 'conversation', instanceId: 'instance' };

/** LEB128: the last byte of each number is below 128. */
function countNumbers(hex: string): number {
  return Buffer.from(hex, 'hex').filter((byte) => byte < 0x80).length;
}

const { MAKE_STORED_REPLIES } = process.env;

it.runIf(MAKE_STORED_REPLIES)('makes the fixture', async () => {
  writeFileSync(STORED_REPLIES_FILE, `${JSON.stringify(await makeStoredReplies(), null, 1)}\n`);
});

describe.skipIf(MAKE_STORED_REPLIES)('stored replies', () => {
  const replies = MAKE_STORED_REPLIES ? [] : storedReplies();

  const t = useChatApp({}, { own: 'imports rows' });
  beforeAll(async () => {
    await t.as('alice').get('/api/v1/conversations').expect(200);
    await importReplies(t, 'alice', replies);
  });

  /** Those that have a length for each event, from which no newer build may differ either. */
  const counted = replies.filter(
    ({ row: { event_lengths }, stream }) =>
      event_lengths !== null && countNumbers(event_lengths) === stream.length - 2,
  );

  it.each(counted)('come out of a journal with these events: $name', ({ row, stream }) => {
    const json = stream.slice(0, -1).map((block) => block.split('\ndata: ')[1]);
    const reply = new RecoveredEvents({ ...WRITER, messageId: row.id, firstBatch: 1 });
    for (let at = 0; at < json.length; at += 7) {
      const payload = `[["${row.id}",${at + 1},[${json.slice(at, at + 7).join()}]]]`;
      new PayloadReader(payload).read((_id, sequence) => (reply.joins(sequence) ? reply : undefined));
    }
    const { parts, eventLengths } = reply.moveTo(new ReplyContent());
    expect([parts, eventLengths.toString('hex')]).toEqual([row.parts, row.event_lengths]);
    expect(counted.length).toBeGreaterThan(40);
  });

  it.each(replies)('stream as they did: $name', async ({ row, stream }) => {
    const bodyOf = (blocks: string[]) => blocks.map((block) => `${block}\n\n`).join('');
    expect(await streamBody(t, 'alice', row.id)).toBe(bodyOf(stream));
    // Resumed at the ends, in the middle, and around the place that `ReplyContent` remembers.
    const places = [1, 2, stream.length >> 1, 256, 257, stream.length - 1].filter(
      (after) => after > 0 && after < stream.length,
    );
    for (const after of new Set(places))
      expect(await streamBody(t, 'alice', row.id, `${row.id}:${after}`)).toBe(bodyOf(stream.slice(after)));
  });
});
