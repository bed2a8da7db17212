import { HTTP_BOUNDS } from '../../../src/config/bounds';
import { reply } from '../../support/model-server/behaviours';
import { useChatApp } from '../../support/use-chat-app';
import { UserFeedClient } from '../../support/user-feed-client';

const PIECE = 'z'.repeat(20_000);
const PIECES = 40;
const REPLIES = 20;

const t = useChatApp({ RATE_LIMITS: 'off', LLM_MAX_REPLY_CHARS: '1000000' });
const { model } = t;
const alice = t.client('alice');

it('a feed whose reader takes nothing for long is closed, and another one goes on where it ended', async () => {
  model.otherwise(reply(Array.from({ length: PIECES }, () => PIECE)));
  const request = { user: t.user('alice'), query: 'include=chunks' };
  const feed = await UserFeedClient.open(t.url, request);
  await alice.conversation({ title: 'First' });
  await feed.count('conversation.created', 1);
  feed.pause();
  const ids: string[] = [];
  // More than the buffers of two sockets hold.
  for (let n = 0; n < REPLIES; n++)
    ids.push((await alice.say((await alice.conversation()).id, 'Hi')).message.id);
  await new Promise((resolve) => setTimeout(resolve, HTTP_BOUNDS.stalledReader.limit + 5_000));
  // What the sockets held is there, and then the end, which no terminating chunk announces.
  feed.resume();
  await feed.done();
  expect(feed.complete).toBe(false);
  const texts = () => ids.map((id) => feed.textOf(id) + rest.textOf(id));
  const rest = await UserFeedClient.open(t.url, { ...request, lastEventId: feed.lastId });
  const last = ids[ids.length - 1];
  await rest.until(
    () => rest.of('end').some(({ data }) => data.message_id === last) && rest.of('reply.ended').length > 0,
  );
  expect(feed.of('end').length).toBeLessThan(REPLIES);
  await rest.until(() => texts().every((text) => text.length >= PIECES * PIECE.length));
  expect(texts().every((text) => text === PIECE.repeat(PIECES))).toBe(true);
  rest.close();
}, 180_000);
