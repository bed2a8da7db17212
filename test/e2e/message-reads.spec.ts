import { finish, reply, stream, text } from '../support/model-server/behaviours';
import { Statements } from '../support/statements';
import { useChatApp } from '../support/use-chat-app';

// Before the application is made.
const statements = new Statements();

const t = useChatApp({}, { own: 'records statements' });
const { model } = t;
const alice = t.client('alice');
beforeAll(() => statements.watch(t.app.getHttpServer()));
afterAll(() => statements.restore());

/** How often a whole message was read. */
async function readsOf(send: () => Promise<unknown>): Promise<number> {
  const sent = await statements.of(send);
  return sent.filter(({ text: sql }) => sql.startsWith('SELECT') && /FROM "messages"/.test(sql)).length;
}

const act = async (id: string, action: string, body: object = {}, headers = {}) =>
  (await alice.open('POST', `/messages/${id}/${action}`, body, headers)).done();

async function cutTurn() {
  const { id } = await alice.conversation();
  model.script(stream(text('The capi'), finish('length')));
  const { message, user_message } = await alice.say(id, 'Norway?');
  model.script(reply('tal is Oslo.'));
  return { id, message, user_message };
}

describe('a message is read once', () => {
  it.each(['regenerate', 'continue'])('to %s it', async (action) => {
    const { message } = await cutTurn();
    expect(await readsOf(() => act(message.id, action))).toBe(1);
  });

  it('to edit it', async () => {
    const { user_message } = await cutTurn();
    expect(await readsOf(() => act(user_message.id, 'edit', { content: 'Sweden?' }))).toBe(1);
  });

  it('to go on with its stream by the POST that began it', async () => {
    const { id } = await alice.conversation();
    model.script(reply('Hello there.'));
    const { ids, frames } = await (await alice.stream(id, 'Hi')).done();
    let rest = '';
    const resume = async () => {
      const reader = await alice.stream(id, 'Hi', { 'last-event-id': ids[0] });
      rest = (await reader.done()).frames;
    };
    expect(await readsOf(resume)).toBe(1);
    expect(frames.endsWith(rest) && rest.length > 0).toBe(true);
  });
});

it('the POST of a version is gone on with by one read of each of the two messages', async () => {
  const { message } = await cutTurn();
  const { ids } = await act(message.id, 'regenerate');
  expect(await readsOf(() => act(message.id, 'regenerate', {}, { 'last-event-id': ids[0] }))).toBe(2);
});
