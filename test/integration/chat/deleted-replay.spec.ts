import { setTimeout as sleep } from 'node:timers/promises';
import { REPLY_BOUNDS } from '../../../src/config/bounds';
import type { LoggedEvent } from '../../../src/replies/events/event-codec';
import { RepliesService } from '../../../src/replies/replies.service';
import { ApiClient } from '../../support/api-client';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { startModelServer, type ModelServer } from '../../support/model-server';
import { reply } from '../../support/model-server/behaviours';

/** Longer than the row of a reply is kept for those who read it (`StoredReplies`). */
const FORGOTTEN_MS = 2_500;

let model: ModelServer;
let t: TestApp;

beforeAll(async () => {
  model = await startModelServer();
  t = await createTestApp({ env: model.env });
});
afterAll(async () => {
  vi.restoreAllMocks();
  await t.close();
  await model.close();
});

it('a reader is told once that the reply was deleted while it was replayed, and that is all', async () => {
  const alice = ApiClient.of(t.url, 'alice');
  const { id } = await alice.conversation();
  model.script(reply(['One', ' two', ' three', ' four']));
  const { messageId } = await (await alice.stream(id, 'Hi')).done();
  vi.spyOn<{ limit: number }, 'limit'>(REPLY_BOUNDS.batchEvents, 'limit', 'get').mockReturnValue(1);
  const log = await t.app.get(RepliesService, { strict: false }).resume('alice', messageId);
  const shown: LoggedEvent[] = [];
  const listener = async (events: LoggedEvent[]) => {
    shown.push(...events);
    if (shown.length > 10) throw new Error('It goes on for ever.');
    if (shown.length > 1) return;
    await alice.delete(`/conversations/${id}`);
    await sleep(FORGOTTEN_MS);
  };
  await log?.(listener, new AbortController().signal);
  expect(shown.map(({ sequence, event: { type } }) => [sequence, type])).toEqual([
    [1, 'start'],
    [2, 'error'],
  ]);
  expect(shown[1].event.data).toMatchObject({ code: 'conversation_deleted' });
});
