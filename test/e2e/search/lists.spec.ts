import { DataSource } from 'typeorm';
import { SEARCH_BOUNDS } from '../../../src/config/bounds';
import type { Page } from '../../support/api-client';
import { reply } from '../../support/model-server/behaviours';
import { useChatApp } from '../../support/use-chat-app';
import { repeatEntry } from './support';

const t = useChatApp({}, { own: 'fills the index' });
const alice = t.client('alice');

async function say(question: string, title: string) {
  const { id } = await alice.conversation({ title });
  t.model.script(reply('Yes.'));
  const { user_message } = await alice.say(id, question);
  return { id, messageId: user_message.id };
}
async function list(q: string): Promise<string[]> {
  const { status, body, text } = await alice.get<Page<{ id: string }>>(
    `/conversations?q=${encodeURIComponent(q)}`,
  );
  if (status !== 200) throw new Error(text);
  return body.data.map(({ id }) => id);
}

/** Conversations without messages, later than another one. */
const REPEATED = `INSERT INTO conversations SELECT (json_populate_record(NULL::conversations, (to_jsonb(c) || jsonb_build_object(
    'id', gen_random_uuid(), 'active_leaf_id', NULL, 'last_activity_at', c.last_activity_at + n * interval '1 millisecond'))::json)).*
  FROM conversations c, generate_series($2::int, $3::int) n WHERE c.id = $1`;

describe('q of GET /conversations', () => {
  it('finds what is in titles and in messages', async () => {
    const said = await say('a curlew at sea', 'Birds');
    const titled = await say('nothing', 'The curlew');
    const other = await say('a curlew', 'More');
    expect(await list('curlew')).toEqual([other.id, titled.id, said.id]);
    expect(await list('curlew -sea')).toEqual([other.id, titled.id]);
    expect(await list('"at sea"')).toEqual([said.id]);
    // As ever, anywhere in the title.
    expect(await list('urle')).toEqual([titled.id]);
    expect(await list('%')).toEqual([]);
    await alice.delete(`/messages/${said.messageId}`);
    expect(await list('curlew')).toEqual([other.id, titled.id]);
    expect((await alice.get(`/conversations?q=${'a%20'.repeat(65)}b`)).status).toBe(400);
  });

  it('looks into each conversation where most have it', async () => {
    const many = await say('a plover', 'Many');
    await list('plover');
    await repeatEntry(t, many.messageId, 1_500);
    const none = await say('nothing', 'None');
    const some = await say('a plover, too', 'Some');
    expect(await list('plover')).toEqual([some.id, many.id]);
    expect(await list('plover')).not.toContain(none.id);
  });

  it('looks into so many of them for a page, and goes on behind them', async () => {
    const many = await say('a whimbrel', 'Many');
    await list('whimbrel');
    await repeatEntry(t, many.messageId, SEARCH_BOUNDS.listedHits.limit);
    const none = await say('nothing', 'None');
    await list('whimbrel');
    for (let first = 1; first <= SEARCH_BOUNDS.askedConversations.limit; first += 100)
      await t.app.get(DataSource).query(REPEATED, [none.id, first, first + 99]);
    const { body } = await alice.get<Page<{ id: string }>>('/conversations?q=whimbrel');
    expect([body.data, body.has_more]).toEqual([[], true]);
    const pages = await alice.pages<{ id: string }>('/conversations?q=whimbrel', 100);
    expect(pages.flat().map(({ id }) => id)).toEqual([many.id]);
    // Of which the embedded database makes thousands of rows first.
  }, 300_000);
});
