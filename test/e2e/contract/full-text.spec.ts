import { useChatApp } from '../../support/use-chat-app';
import { at, finish, reasoning, reply, stream, text } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import type { SseReader } from '../../support/sse-reader';
import { SocketClient } from '../../support/socket-client';

const LONGEST_LINE = 64 * 1024;
/** 200 kB, which the provider sends in one piece; as JSON it is longer. */
const LONG = `${'x'.repeat(990)}"\n\t\u0001👍`.repeat(200);
const SHORT = '?full_text=false';

const t = useChatApp();
const { model } = t;
const alice = t.client('alice');

beforeEach(() => {
  model.reset();
  model.otherwise(stream(reasoning(LONG), text(LONG), finish('length')));
});

const omitted = { full_text: null, full_text_omitted: true, finish_reason: 'length' };

function longestLine({ raw }: SseReader): number {
  return Math.max(...raw.split('\n').map((line) => Buffer.byteLength(`${line}\n`)));
}

/** A long reply as a client of short lines sees it, which is all there but for the last event's text. */
async function expectShort(opened: Promise<SseReader>): Promise<SseReader> {
  const reader = await opened;
  await reader.until(() => reader.last?.type === 'end');
  reader.close();
  expect(longestLine(reader)).toBeLessThan(LONGEST_LINE);
  expect(reader.end).toMatchObject({ ...omitted, message_id: reader.messageId });
  expect(reader.text.endsWith(LONG)).toBe(true);
  return reader;
}

/** The frames of a stream, the last one apart. */
function split({ frames }: SseReader): { chunks: string; end: string } {
  const place = frames.lastIndexOf('\nid: ') + 1;
  return { chunks: frames.slice(0, place), end: frames.slice(place) };
}

describe('full_text=false', () => {
  it('keeps the lines of a long reply short, on every route that streams', async () => {
    const { id } = await alice.conversation();
    const feed = alice.open('GET', `/chat/${id}/stream${SHORT}`);
    const fed = expectShort(feed);
    await feed;
    const { messageId } = await expectShort(
      alice.open('POST', `/chat/${id}/stream${SHORT}`, { content: 'Hi' }),
    );
    expect((await fed).messageId).toBe(messageId);
    const [{ id: asked }] = await alice.history(id);
    await expectShort(alice.open('POST', `/chat${SHORT}`, { content: 'Hi' }));
    await expectShort(alice.open('POST', `/messages/${messageId}/regenerate${SHORT}`));
    await expectShort(alice.open('POST', `/messages/${asked}/edit${SHORT}`, { content: 'Ho' }));
    const longer = await expectShort(alice.open('POST', `/messages/${messageId}/continue${SHORT}`));
    expect(longer.text).toBe(LONG + LONG);
    await expectShort(alice.open('GET', `/messages/${messageId}/stream${SHORT}`));
  });

  it('changes nothing but the last event, live, resumed and years later', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    model.script(stream(text('Well: '), at(gate), text(LONG), finish('length')));
    const short = await alice.open('POST', `/chat/${id}/stream${SHORT}`, { content: 'Hi' });
    await short.count(2);
    const { messageId } = short;
    const path = `/messages/${messageId}/stream`;
    const whole = await alice.follow(messageId);
    gate.release();
    await Promise.all([short.done(), whole.done()]);
    expect(whole.end).toMatchObject({ full_text: `Well: ${LONG}`, finish_reason: 'length' });
    expect(whole.end).not.toHaveProperty('full_text_omitted');
    expect(split(short).chunks).toBe(split(whole).chunks);
    expect(JSON.parse(split(short).end.split('data: ')[1])).toEqual({
      type: 'end',
      data: { ...whole.end, full_text: null, full_text_omitted: true },
    });
    expect((await (await alice.open('GET', path + SHORT)).done()).frames).toBe(short.frames);
    expect((await (await alice.open('GET', path)).done()).frames).toBe(whole.frames);
    for (const [place, after] of whole.ids.slice(0, -1).entries()) {
      const rest = await alice.open('GET', path + SHORT, undefined, { 'last-event-id': after });
      expect((await rest.done()).ids).toEqual(whole.ids.slice(place + 1));
      expect(rest.raw.endsWith(split(short).end)).toBe(true);
    }
    const resumed = await alice.open(
      'POST',
      `/chat/${id}/stream${SHORT}`,
      { content: 'Hi' },
      {
        'last-event-id': whole.ids[1],
      },
    );
    expect((await resumed.done()).ids).toEqual(whole.ids.slice(2));
    expect(resumed.raw.endsWith(split(short).end)).toBe(true);
  });

  it('leaves a reply alone whose lines are short', async () => {
    model.otherwise(reply('Hello.'));
    const { id } = await alice.conversation();
    const turn = await alice.open('POST', `/chat/${id}/stream${SHORT}`, { content: 'Hi' });
    const { end, messageId, frames } = await turn.done();
    expect(end.full_text).toBe('Hello.');
    for (const query of ['', SHORT, '?full_text=true'])
      expect((await (await alice.open('GET', `/messages/${messageId}/stream${query}`)).done()).frames).toBe(
        frames,
      );
  });

  it('is a wish for the stream and no part of the request that is repeated', async () => {
    const { id } = await alice.conversation();
    const key = { 'idempotency-key': crypto.randomUUID() };
    const body = { content: 'Hi' };
    const whole = await (await alice.open('POST', `/chat/${id}/stream`, body, key)).done();
    const again = await expectShort(alice.open('POST', `/chat/${id}/stream${SHORT}`, body, key));
    expect(again.ids).toEqual(whole.ids);
  });

  it.each(['no', '', '0', 'FALSE', 'false&full_text=false'])(
    'is refused as %j, and nothing is stored',
    async (value) => {
      const { id } = await alice.conversation();
      const query = `?full_text=${value}`;
      for (const answer of [
        await alice.post(`/chat/${id}/stream${query}`, { content: 'Hi' }),
        await alice.get(`/chat/${id}/stream${query}`),
      ])
        expect(answer.status).toBe(400);
      expect(await alice.history(id)).toEqual([]);
      expect(model.requests).toEqual([]);
    },
  );
});

it('full_text of a frame is the same on the socket', async () => {
  const socket = await SocketClient.of(t.url, t.user('alice'));
  const { id } = await alice.conversation();
  const chat = { type: 'chat', conversation_id: id, content: 'Hi', idempotency_key: crypto.randomUUID() };
  socket.send({ ...chat, request_id: 'short', full_text: false });
  const short = await socket.reply('short');
  expect(short.last).toMatchObject({ type: 'end', data: omitted });
  socket.send({ ...chat, request_id: 'whole' });
  const whole = await socket.reply('whole');
  expect(whole.last).toMatchObject({ type: 'end', data: { full_text: LONG } });
  expect(whole.ids).toEqual(short.ids);
  const { messageId } = short;
  const follow = { type: 'follow', message_id: messageId, after: short.ids.at(-3) };
  socket.send({ ...follow, request_id: 'rest', full_text: false });
  const rest = await socket.reply('rest');
  expect([rest.ids, rest.last]).toEqual([short.ids.slice(-2), short.last]);
  socket.send({ type: 'follow', conversation_id: id, request_id: 'feed', full_text: false });
  socket.send({ ...chat, idempotency_key: undefined, request_id: 'next' });
  expect((await socket.reply('feed')).last).toMatchObject({ type: 'end', data: omitted });
  expect(await socket.ask({ ...chat, request_id: 'bad', full_text: 'no' })).toMatchObject({
    type: 'error',
    data: { code: 'validation_failed', errors: [{ path: 'full_text' }] },
  });
  await socket.close();
});
