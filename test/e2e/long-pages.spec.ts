import { DataSource } from 'typeorm';
import { REPLY_BOUNDS } from '../../src/config/bounds';
import type { ChatMessage } from '../support/api-client';
import { useChatApp } from '../support/use-chat-app';
import { seedConversation } from '../support/seed-conversation';

const MESSAGES = 40;
const LONG = 500_000;
/** A page holds each text twice, as `content` and in `parts`, and some more for each message. */
const MOST = 2 * (REPLY_BOUNDS.pageBytes.limit + LONG) + 100_000;

interface Listed {
  data: ChatMessage[];
  has_more: boolean;
  next_cursor: string | null;
}

const t = useChatApp();
const alice = t.client('alice');
let id: string;

beforeAll(async () => {
  await alice.conversation();
  id = await seedConversation(t, { userId: t.user('alice'), messages: MESSAGES });
  // Every second one is very long.
  await t.app.get(DataSource).query(
    `UPDATE messages SET parts = jsonb_build_array(jsonb_build_object('type', 'text', 'text', repeat('x', $2::int)))
     WHERE conversation_id = $1 AND depth % 2 = 0`,
    [id, LONG],
  );
});

async function pages(first: string, next: (cursor: string) => string): Promise<Listed[]> {
  const found: Listed[] = [];
  for (let path: string | undefined = first; path;) {
    const { body, text }: { body: Listed; text: string } = await alice.get<Listed>(path);
    expect(text.length).toBeLessThan(MOST);
    found.push(body);
    path = body.next_cursor ? next(body.next_cursor) : undefined;
  }
  return found;
}

const depths = (listed: Listed[]) => listed.flatMap(({ data }) => data).map(({ content }) => content.length);

it('a page of long messages ends early, and the next one goes on', async () => {
  const path = `/conversations/${id}/messages?limit=100`;
  const listed = await pages(path, (cursor) => `${path}&cursor=${cursor}`);
  expect(listed.length).toBeGreaterThan(1);
  expect(listed.map(({ has_more }) => has_more)).toEqual(listed.map((_, i) => i < listed.length - 1));
  expect(depths(listed)).toEqual(Array.from({ length: MESSAGES }, (_, i) => (i % 2 ? LONG : 256)));
});

it('the same on the way back from the newest', async () => {
  const { body } = await alice.get<{ messages: ChatMessage[]; messages_cursor: string }>(
    `/conversations/${id}`,
  );
  const older = `/conversations/${id}/messages?limit=100&cursor=`;
  const listed = await pages(`${older}${body.messages_cursor}`, (cursor) => `${older}${cursor}`);
  const all = [...listed.toReversed().flatMap(({ data }) => data), ...body.messages];
  expect(all.map(({ content }) => content.length)).toEqual(
    Array.from({ length: MESSAGES }, (_, i) => (i % 2 ? LONG : 256)),
  );
});

it('short messages fill a page', async () => {
  const short = await seedConversation(t, { userId: t.user('alice'), messages: 250 });
  const { body } = await alice.get<Listed>(`/conversations/${short}/messages?limit=100`);
  expect([body.data.length, body.has_more]).toEqual([100, true]);
});

it('an export has all of them', async () => {
  const { text } = await alice.get(`/users/${t.user('alice')}/export`);
  const lengths = text
    .split('\n')
    .filter((line) => line.includes(id) && line.includes('"role"'))
    .map((line) => line.length);
  expect(lengths.filter((length) => length > LONG)).toHaveLength(MESSAGES / 2);
  expect(lengths).toHaveLength(MESSAGES);
});
