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
});
