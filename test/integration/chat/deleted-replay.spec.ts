import { setTimeout as sleep } from 'node:timers/promises';
import { REPLY_BOUNDS } from '../../../src/config/bounds';
import type { LoggedEvent } from '../../../src/replies/events/event-codec';
import { RepliesService } from '../../../src/replies/replies.service';
import { useChatApp } from '../../support/use-chat-app';
import { reply } from '../../support/model-server/behaviours';

/** Longer than the row of a reply is kept for those who read it (`StoredReplies`). */
const FORGOTTEN_MS = 2_500;

const t = useChatApp();
const { model } = t;

it('a reader is told once that the reply was deleted while it was replayed, and that is all', async () => {
  const alice = t.client('alice');
  const { id } = await alice.conversation();
  model.script(reply(['One', ' two', ' three', ' four']));
  const { messageId } = await (await alice.stream(id, 'Hi')).done();
  vi.spyOn<{ limit: number }, 'limit'>(REPLY_BOUNDS.batchEvents, 'limit', 'get').mockReturnValue(1);
  const log = await t.app.get(RepliesService, { strict: false }).resume(t.user('alice'), messageId);
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
