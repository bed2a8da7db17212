import { writeFileSync } from 'node:fs';
import { makeStoredReplies } from '../../fixtures/replies/make';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { importReplies, storedReplies, STORED_REPLIES_FILE, streamBody } from '../../support/stored-replies';

/*
 * Replies that earlier builds have stored stream the bytes that those builds sent, for ever: `test/fixtures/replies/`.
 */

const { MAKE_STORED_REPLIES } = process.env;

it.runIf(MAKE_STORED_REPLIES)('makes the fixture', async () => {
  writeFileSync(STORED_REPLIES_FILE, `${JSON.stringify(await makeStoredReplies(), null, 1)}\n`);
});

describe.skipIf(MAKE_STORED_REPLIES)('stored replies', () => {
  const replies = MAKE_STORED_REPLIES ? [] : storedReplies();
  let t: TestApp;

  beforeAll(async () => {
    t = await createTestApp();
    await t.as('alice').get('/api/v1/conversations').expect(200);
    await importReplies(t, 'alice', replies);
  });
  afterAll(() => t.close());

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
