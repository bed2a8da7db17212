import { setTimeout as sleep } from 'node:timers/promises';
import { ReplyLog } from '../../src/replies/log/reply-log';
import { ActiveReplies } from '../../src/replies/produce/active-replies';
import { REPLY_BOUNDS } from '../../src/config/bounds';
import { Signals } from '../../src/signals/signals';
import { replyTopic } from '../../src/signals/topics';
import type { ChatMessage } from '../support/api-client';
import { reply } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { Statements } from '../support/statements';
import { useChatApp } from '../support/use-chat-app';

// Before the application is made.
const statements = new Statements();

const t = useChatApp({}, { own: 'records statements' });
const { model } = t;
const alice = t.client('alice');
beforeAll(() => statements.watch(t.app.getHttpServer()));
afterEach(() => vi.restoreAllMocks());
afterAll(() => statements.restore());

async function running() {
  const { id } = await alice.conversation();
  const gate = hold();
  model.script(reply(['One', gate, ' two']));
  const reader = await (await alice.stream(id, 'Hi')).count(2);
  return { id, gate, reader };
}

/** As if another process wrote the replies, which does not come to end them. */
function hideWriter(): void {
  const replies = t.app.get(ActiveReplies, { strict: false });
  vi.spyOn(replies, 'stop').mockResolvedValue(undefined);
  vi.spyOn(replies, 'has').mockReturnValue(false);
}

/** What a message holds may be megabytes. */
const wholeRows = (texts: string[]) => texts.filter((text) => /parts|\.\*|SELECT \*/.test(text));

it('a stop that does not come to pass in time says so, and may be asked for again', async () => {
  const { id, gate, reader } = await running();
  vi.spyOn(REPLY_BOUNDS.stopWait, 'limit', 'get').mockReturnValue(1_500 as 25_000);
  hideWriter();
  const sent = await statements.of(async () => {
    const answer = await alice.post(`/messages/${reader.messageId}/stop`);
    expect([answer.status, answer.body.code]).toEqual([503, 'stop_pending']);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });
  expect(wholeRows(sent.map(({ text }) => text))).toEqual([]);
  // One look in 20 ms would be 75.
  expect(sent.length).toBeLessThan(40);
  const turn = await alice.post(`/chat/${id}`, { content: 'Never mind', on_busy: 'interrupt' });
  expect([turn.status, turn.body.code]).toEqual([503, 'stop_pending']);
  expect((await alice.message(reader.messageId)).status).toBe('streaming');

  vi.restoreAllMocks();
  const again = await alice.post<ChatMessage>(`/messages/${reader.messageId}/stop`);
  expect([again.status, again.body.status, again.body.content]).toEqual([200, 'stopped', 'One']);
  gate.release();
  await reader.done();
});

it('who waits for a reply to begin looks at its state alone', async () => {
  const { gate, reader } = await running();
  vi.spyOn(t.app.get(ReplyLog, { strict: false }), 'read').mockResolvedValue('see-message');
  const sent = await statements.of(async () => {
    const follower = await alice.follow(reader.messageId, { 'last-event-id': `${reader.messageId}:1` });
    // What it waits for may have happened: it looks each time.
    const signals = t.app.get(Signals, { strict: false });
    for (let n = 0; n < 10; n++) {
      await sleep(100);
      signals.publish(replyTopic(reader.messageId));
    }
    follower.close();
  });
  expect(sent.length).toBeGreaterThan(3);
  expect(wholeRows(sent.map(({ text }) => text))).toEqual([]);
  vi.restoreAllMocks();
  gate.release();
  await reader.done();
});
