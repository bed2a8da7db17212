import { DataSource } from 'typeorm';
import { DeadInstanceReplies } from '../../../src/replies/lifecycle/dead-instance-replies';
import { ReplyLog } from '../../../src/replies/log/reply-log';
import { ReplyFinalizer } from '../../../src/replies/produce/reply-finalizer';
import { unavailable } from '../../../src/database/database-error';
import { DatabaseState } from '../../../src/database/database-state';
import { InstanceService } from '../../../src/instances/instance.service';
import { InstancesRepository } from '../../../src/instances/instances.repository';
import { OpenRepliesService } from '../../../src/messages/open-replies.service';
import { MessagesService } from '../../../src/messages/messages.service';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { useChatApp } from '../../support/use-chat-app';

const t = useChatApp({}, { own: 'breaks its database' });
const { model } = t;
const alice = t.client('alice');
/** The leases of all that runs. */
const expire = () =>
  t.app.get(DataSource).query(`UPDATE instances SET expires_at = now() - interval '1 minute'`);

afterEach(() => vi.restoreAllMocks());

it('a reply that was stored although the answer of the database was lost ends as it is stored', async () => {
  const messages = t.app.get(MessagesService);
  const finish = messages.finishReply.bind(messages);
  vi.spyOn(messages, 'finishReply').mockImplementationOnce(async (...finished) => {
    await finish(...finished);
    throw unavailable();
  });
  const { id } = await alice.conversation();
  const reader = await (await alice.stream(id, 'Hi')).done();
  const replay = await (await alice.follow(reader.messageId)).done();
  expect(reader.last.type).toBe('end');
  expect(reader.frames).toBe(replay.frames);
});

it('a process whose lease ran out while nobody could see it goes on with its replies', async () => {
  const { id } = await alice.conversation();
  const gate = hold();
  model.script(reply(['One', gate, ' two']));
  const reader = await (await alice.stream(id, 'Hi')).count(2);
  await expire();
  expect(await t.app.get(DeadInstanceReplies).close()).toBe(0);
  gate.release();
  expect((await reader.done()).end.full_text).toBe('One two');
});

it('a reply that others have closed ends for its readers as it is stored', async () => {
  const { id } = await alice.conversation();
  const gate = hold();
  model.script(reply(['One', gate, ' two']));
  const reader = await (await alice.stream(id, 'Hi')).count(2);
  await expire();
  const another = new InstanceService(t.app.get(InstancesRepository), t.app.get(DatabaseState));
  const dead = new DeadInstanceReplies(
    another,
    t.app.get(OpenRepliesService),
    t.app.get(ReplyLog),
    t.app.get(ReplyFinalizer),
    t.app.get(DatabaseState),
  );
  expect(await dead.close()).toBe(1);
  gate.release();
  await reader.done();
  const replay = await (await alice.follow(reader.messageId)).done();
  expect(reader.last).toMatchObject({ type: 'error', data: { code: 'interrupted' } });
  expect(reader.frames).toBe(replay.frames);
});
