import { EventSource } from 'eventsource';
import { defer, finalize } from 'rxjs';
import { RemoteTurnWatcher } from '../../../src/replies/cluster/remote-turn-watcher';
import { failure, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import type { SseReader } from '../../support/sse-reader';
import { useChatApp } from '../../support/use-chat-app';

const t = useChatApp({ SSE_HEARTBEAT_MS: '200' });
const { model: server } = t;
const alice = t.client('alice');
const bob = t.client('bob');

/** A conversation with so many replies, and their events in order. */
async function conversation(replies: number): Promise<{ id: string; frames: string[]; ids: string[] }> {
  const { id } = await alice.conversation();
  const read: SseReader[] = [];
  for (let i = 0; i < replies; i += 1) {
    server.script(reply(`reply ${i} ends here`, { delayMs: 5 }));
    read.push(await (await alice.stream(id, `Turn ${i}`)).done());
  }
  const frames = read.flatMap((reader) => reader.frames.split(/(?<=\n\n)/));
  return { id, frames, ids: read.flatMap(({ ids }) => ids) };
}

describe('the live feed of a conversation', () => {
  it('can be opened before the first message and stays open across replies', async () => {
    const { id } = await alice.conversation();
    const feed = await alice.feed(id);
    await feed.until(() => feed.pings > 0);
    const first = await (await alice.stream(id, 'One')).done();
    const second = await (await alice.stream(id, 'Two')).done();
    await feed.count(first.events.length + second.events.length);
    expect(feed.frames).toBe(first.frames + second.frames);
    expect(feed.complete).toBeUndefined();
    feed.close();
  });

  it('watches for nothing once its reader has left, also in the middle of a reply', async () => {
    const elsewhere = t.app.get(RemoteTurnWatcher, { strict: false });
    const news = elsewhere.changesIn.bind(elsewhere);
    let watching = 0;
    const spy = vi.spyOn(elsewhere, 'changesIn').mockImplementation((...of) =>
      defer(() => {
        watching += 1;
        return news(...of).pipe(finalize(() => (watching -= 1)));
      }),
    );
    const { id } = await alice.conversation();
    const gate = hold();
    server.script(reply(['Hel', gate, 'lo']));
    const running = await (await alice.stream(id, 'Hi')).count(2);
    const feeds = [await alice.feed(id), await alice.feed(id)];
    await feeds[0].count(2);
    feeds.forEach((feed) => feed.close());
    const later = await alice.feed((await alice.conversation()).id);
    await later.until(() => later.pings > 0);
    expect(watching).toBe(1);
    later.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    gate.release();
    await running.done();
    expect(watching).toBe(0);
    spy.mockRestore();
  });

  it('begins with the running reply from its start, and with nothing if none is running', async () => {
    const { id, ids } = await conversation(2);
    // What has just ended was shown by another feed.
    const shown = await alice.feed(id);
    await shown.until(() => shown.last?.id === ids.at(-1));
    shown.close();
    const gate = hold();
    server.script(reply(['Hel', gate, 'lo']));
    const quiet = await alice.feed(id);
    const running = await (await alice.stream(id, 'More')).count(2);
    await gate.reached;
    const late = await alice.feed(id);
    await late.count(2);
    gate.release();
    await running.done();
    for (const feed of [quiet, late]) {
      await feed.count(4);
      expect(feed.frames).toBe(running.frames);
      feed.close();
    }
  });

  it('resumed after any event goes on right behind it: the rest of that reply, then all later ones', async () => {
    const { id, frames, ids } = await conversation(3);
    for (const k of [...ids.keys()].slice(0, -1)) {
      for (const open of [
        () => alice.feed(id, { 'last-event-id': ids[k] }),
        () => alice.open('GET', `/chat/${id}/stream?after=${ids[k]}`),
      ]) {
        const feed = await open();
        await feed.count(frames.length - k - 1);
        expect(feed.frames).toBe(frames.slice(k + 1).join(''));
        feed.close();
      }
    }
  });

  it('resumed in an old reply shows the running one too, and what comes after it', async () => {
    const { id, frames, ids } = await conversation(2);
    const gate = hold();
    server.script(reply(['Hel', gate, 'lo']));
    const running = await (await alice.stream(id, 'Three')).count(2);
    const feed = await alice.feed(id, { 'last-event-id': ids[2] });
    await feed.until(() => feed.text.endsWith('Hel'));
    gate.release();
    await running.done();
    const last = await (await alice.stream(id, 'Four')).done();
    const expected = frames.slice(3).join('') + running.frames + last.frames;
    await feed.until(() => feed.frames.length >= expected.length);
    expect(feed.frames).toBe(expected);
    feed.close();
  });

  it('shows replies that fail, and goes on', async () => {
    const { id } = await alice.conversation();
    const feed = await alice.feed(id);
    server.script(failure(400));
    const failed = await (await alice.stream(id, 'One')).done();
    expect(failed.last).toMatchObject({ type: 'error', data: { code: 'provider_bad_request' } });
    const good = await (await alice.stream(id, 'Two')).done();
    await feed.until(() => feed.last?.type === 'end');
    expect(feed.frames).toBe(failed.frames + good.frames);
    feed.close();
  });

  it('shows the replies of the waiting form as well', async () => {
    const { id } = await alice.conversation();
    const feed = await alice.feed(id);
    const turn = await alice.say(id, 'Hi');
    await feed.until(() => feed.last?.type === 'end');
    expect(feed.messageId).toBe(turn.message.id);
    expect(feed.end.full_text).toBe(turn.response);
    feed.close();
  });

  it('shows nothing of other conversations', async () => {
    const [mine, other] = [await alice.conversation(), await alice.conversation()];
    const feed = await alice.feed(mine.id);
    await alice.say(other.id, 'Hi');
    const turn = await alice.say(mine.id, 'Hi');
    await feed.until(() => feed.last?.type === 'end');
    expect(new Set(feed.ids.map((id) => id.split(':')[0]))).toEqual(new Set([turn.message.id]));
    feed.close();
  });

  it('is refused with an id that is not of this conversation', async () => {
    const { id } = await conversation(1);
    const other = await conversation(1);
    const [user] = await alice.history(id);
    for (const place of ['abc', '5', `${user.id}:1`, `${id}:1`, other.ids[1]]) {
      const { status, code } = await (await alice.feed(id, { 'last-event-id': place })).problem();
      expect([place, status, code]).toEqual([place, 400, 'invalid_last_event_id']);
    }
  });

  it('is for the owner only', async () => {
    const { id, ids } = await conversation(1);
    const unknown = await (await bob.feed('00000000-0000-7000-8000-000000000000')).problem();
    for (const place of ['', ids[1]]) {
      const foreign = await (await bob.feed(id, { 'last-event-id': place })).problem();
      expect(foreign).toEqual({ ...unknown, instance: foreign.instance, request_id: foreign.request_id });
      expect([foreign.status, foreign.code]).toEqual([404, 'conversation_not_found']);
    }
  });

  it('is not begun by HEAD, so that nothing hangs', async () => {
    const { id } = await alice.conversation();
    expect((await alice.call('HEAD', `/chat/${id}/stream`)).status).toBe(405);
  });
});

describe('a native EventSource', () => {
  /** What a page would collect from `onmessage`. */
  function listen(path: string): { source: EventSource; seen: { id: string; type: string }[] } {
    const source = new EventSource(`${t.url}/api/v1${path}`);
    const seen: { id: string; type: string }[] = [];
    source.addEventListener('message', ({ data, lastEventId }) => {
      seen.push({ id: lastEventId, type: (JSON.parse(data as string) as { type: string }).type });
    });
    return { source, seen };
  }

  async function until(condition: () => boolean): Promise<void> {
    for (let i = 0; i < 400 && !condition(); i += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(condition()).toBe(true);
  }

  it('opened before the message is posted sees every event by onmessage', async () => {
    const { id } = await alice.conversation();
    const { source, seen } = listen(`/chat/${id}/stream?user_id=${t.user('alice')}`);
    await until(() => source.readyState === source.OPEN);
    const posted = await (await alice.stream(id, 'Hi')).done();
    await until(() => seen.length >= posted.events.length);
    expect(seen).toEqual(posted.events.map((event) => ({ id: event.id, type: event.type })));
    source.close();
  });

  it('with a ticket works where ids in the query are not wanted', async () => {
    const { id } = await alice.conversation();
    const { source, seen } = listen(`/chat/${id}/stream?ticket=${await alice.ticket()}`);
    await until(() => source.readyState === source.OPEN);
    await alice.say(id, 'Hi');
    await until(() => seen.at(-1)?.type === 'end');
    source.close();
  });

  it('that follows one reply comes back after its end, is answered 204 and gives up', async () => {
    const { id } = await alice.conversation();
    const { message } = await alice.say(id, 'Hi');
    const { source, seen } = listen(`/messages/${message.id}/stream?user_id=${t.user('alice')}`);
    const statuses: (number | undefined)[] = [];
    source.addEventListener('error', (event) => statuses.push((event as unknown as { code?: number }).code));
    await until(() => source.readyState === source.CLOSED);
    expect(statuses.at(-1)).toBe(204);
    const sequences = seen.map(({ id: seenId }) => Number(seenId.split(':')[1]));
    expect(sequences).toEqual(Array.from(sequences, (_, index) => index + 1));
    expect(seen.at(-1)?.type).toBe('end');
  });
});
