/** Who waits is woken by these changes, each after it is stored. */
import { DataSource } from 'typeorm';
import { InstanceService } from '../../../src/instances/instance.service';
import { OpenRepliesService } from '../../../src/messages/open-replies.service';
import { OrphanedReplies } from '../../../src/replies/lifecycle/orphaned-replies';
import { Signals } from '../../../src/signals/signals';
import { conversationTopic, instanceTopic, replyTopic, REVOCATIONS_TOPIC } from '../../../src/signals/topics';
import { UsersService } from '../../../src/users/users.service';
import { subjectOf } from '../../../src/users/revocations/subject';
import { TurnsService } from '../../../src/messages/turns.service';
import { useChatApp } from '../../support/use-chat-app';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';

const t = useChatApp();
const { model } = t;
const alice = t.client('alice');

beforeEach(() => model.reset());

const get = <T>(type: abstract new (...args: never[]) => T): T => t.app.get<T>(type, { strict: false });

/** What `look` finds when the topic is published for the first time: whoever hears of a change can see it. */
function atSignal<T>(topic: string, look: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = get(Signals).subscribe(topic, () => {
      end();
      look().then(resolve, reject);
    });
  });
}

const statusOf = async (id: string) => (await alice.message(id)).status;

async function running() {
  const { id } = await alice.conversation();
  const gate = hold();
  model.script(reply(['One', gate, ' two']));
  const reader = await (await alice.stream(id, 'Hi')).count(2);
  return { id, gate, reader, messageId: reader.messageId };
}

it('a reply that is stored, when it is', async () => {
  const { messageId, gate, reader } = await running();
  const status = atSignal(replyTopic(messageId), () => statusOf(messageId));
  gate.release();
  expect(await status).toBe('completed');
  await reader.done();
});

it('a turn that has begun in a conversation, and the end of the conversation', async () => {
  const { id } = await alice.conversation();
  const begun = atSignal(conversationTopic(id), async () => (await alice.history(id)).length);
  await alice.say(id, 'Hi');
  expect(await begun).toBe(2);
  const gone = atSignal(conversationTopic(id), async () => (await alice.get(`/conversations/${id}`)).status);
  await alice.delete(`/conversations/${id}`);
  expect(await gone).toBe(404);
});

it('a queued reply that begins, and one that is cancelled', async () => {
  const { id, gate, reader } = await running();
  model.script(reply('Next'));
  const ids: string[] = [];
  for (const content of ['Next', 'Last']) {
    const queued = await alice.open('POST', `/chat/${id}/stream`, { content, on_busy: 'queue' });
    ids.push(/messages\/([^/]+)/.exec(String(queued.headers['content-location']))?.[1] ?? '');
  }
  const cancelled = atSignal(replyTopic(ids[1]), () => statusOf(ids[1]));
  await alice.post(`/messages/${ids[1]}/stop`);
  expect(await cancelled).toBe('stopped');
  const begun = atSignal(replyTopic(ids[0]), () => statusOf(ids[0]));
  gate.release();
  expect(await begun).not.toBe('queued');
  await reader.done();
});

it('a reply that nobody produces, when it is closed', async () => {
  const { id } = await alice.conversation();
  const turns = get(TurnsService);
  const { messageId } = await turns.open({
    userId: t.user('alice'),
    position: await turns.resolveParent(t.user('alice'), id),
    content: 'Hi',
    tokens: 1,
    model: 'test-model',
    provider: 'openai',
    contextTokens: 100,
    maxOutputTokens: 100,
  });
  const closed = atSignal(replyTopic(messageId), () => statusOf(messageId));
  await t.app
    .get(DataSource)
    .query(`UPDATE messages SET updated_at = now() - interval '1 minute' WHERE id = $1`, [messageId]);
  await get(OrphanedReplies).close();
  expect(await closed).toBe('interrupted');
});

it('the process that writes a reply whose end is wanted', async () => {
  const { id, messageId, gate, reader } = await running();
  const ref = { userId: t.user('alice'), conversationId: id, messageId };
  const instance = get(InstanceService);
  const asked = atSignal(instanceTopic(instance.id), () => get(OpenRepliesService).stopRequests([ref]));
  await get(OpenRepliesService).requestStop({ ...ref, userId: 'mallory' });
  await get(OpenRepliesService).requestStop(ref);
  expect(await asked).toEqual([{ messageId, gone: false }]);
  gate.release();
  await reader.done();
});

it('a user of whom something has changed, once it is stored', async () => {
  const { id } = await t.client('locked').conversation();
  const users = get(UsersService);
  const told: (string | undefined)[] = [];
  const end = get(Signals).subscribe(REVOCATIONS_TOPIC, (data) =>
    told.push(data && Buffer.from(data).toString()),
  );
  const found = atSignal(REVOCATIONS_TOPIC, () => users.find(t.user('locked')));
  await users.update(t.user('locked'), { is_active: false });
  expect((await found)?.is_active).toBe(false);
  // A poll may find it once more.
  expect([...new Set(told)]).toEqual([subjectOf(t.user('locked'))]);
  end();
  expect((await t.client('locked').get(`/conversations/${id}`)).status).toBe(401);
});

it('anybody, if a signal does not say whom, is looked up again', async () => {
  const bob = t.client('bob');
  const { id } = await bob.conversation();
  // Behind the back of the service.
  await get(DataSource).query('UPDATE users SET is_active = false WHERE id = $1', [t.user('bob')]);
  expect((await bob.get(`/conversations/${id}`)).status).toBe(200);
  get(Signals).publish(REVOCATIONS_TOPIC);
  expect((await bob.get(`/conversations/${id}`)).status).toBe(401);
});
