import { reply } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { useChatApp } from '../support/use-chat-app';

/** What the describe before has left behind. */
let url: string;
let left: string;

describe('a file', () => {
  const t = useChatApp();

  it('leaves a reply behind, a script and a spy', async () => {
    const alice = t.client('alice');
    const { id } = await alice.conversation();
    t.model.script(reply(['One', hold(), ' two']), reply('Of the file before.'));
    left = (await (await alice.stream(id, 'Hi')).count(2)).messageId;
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    url = t.url;
  });
});

describe('the next file', () => {
  const t = useChatApp();

  it('has the same application, with users of its own and as if nothing had happened', async () => {
    expect(t.url).toBe(url);
    expect(vi.isMockFunction(Math.random)).toBe(false);
    const alice = t.client('alice');
    expect((await alice.get<{ data: object[] }>('/conversations')).body.data).toEqual([]);
    expect((await alice.get(`/messages/${left}`)).status).toBe(404);
    expect([t.model.requests.length, t.model.openRequests]).toEqual([0, 0]);
    const { id } = await alice.conversation();
    expect((await alice.say(id, 'Hi')).response).toBe('Hello from the model server.');
  });
});

describe('a file with other variables', () => {
  const t = useChatApp({ CHAT_MAX_CONTENT_CHARS: '3' });

  it('has another application', async () => {
    expect(t.url).not.toBe(url);
    const alice = t.client('alice');
    const { id } = await alice.conversation();
    expect((await alice.post(`/chat/${id}`, { content: 'Long' })).status).toBe(400);
  });
});
