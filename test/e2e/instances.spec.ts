import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient, type ChatMessage } from '../support/api-client';
import { createTestApp } from '../support/create-test-app';
import { useChatApp } from '../support/use-chat-app';
import { reply } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { SLACK_MS } from '../support/slack';

/** Only a server can be shared; the embedded database is one process's own. */
const several = process.env.TEST_DATABASE_URL ? describe : undefined;

several?.('two instances on one database', () => {
  const env = { SHUTDOWN_GRACE_S: '1' };
  const one = useChatApp(env, { own: 'one of two instances' });
  const other = useChatApp(env, { own: 'the other one', beside: one });
  const { model } = one;
  const [here, there] = [one.client('alice'), other.client('alice')];
  beforeEach(() => model.reset());

  /** A reply that runs on the first instance until its gate is opened. */
  async function running() {
    const { id } = await here.conversation();
    const gate = hold();
    model.script(reply(['One', gate, ' two', ' three']));
    const reader = await (await here.stream(id, 'Hi')).count(2);
    return { id, gate, reader, messageId: reader.messageId };
  }

  it('a reader elsewhere sees the same events, live, from any place', async () => {
    const { gate, reader, messageId } = await running();
    const followers = await Promise.all(
      [0, 1, 2].map((after) => there.follow(messageId, { 'last-event-id': `${messageId}:${after}` })),
    );
    await followers[1].count(1);
    gate.release();
    await Promise.all([reader, ...followers].map((stream) => stream.done()));
    for (const [after, follower] of followers.entries())
      expect(follower.events).toEqual(reader.events.slice(after));
    expect(reader.end.full_text).toBe('One two three');
  });

  it('a reader elsewhere is at most 200 ms behind', async () => {
    const { id } = await here.conversation();
    model.script(
      reply(
        Array.from({ length: 60 }, (_, n) => `w${n} `),
        { delayMs: 30 },
      ),
    );
    const first = await here.stream(id, 'Hi');
    await first.count(1);
    const second = await there.follow(first.messageId);
    const seen = [first, second].map((stream) => {
      const times: number[] = [];
      void (async () => {
        for (let n = 1; n <= 62; n++) {
          await stream.count(n);
          times[n] = performance.now();
        }
      })();
      return times;
    });
    await Promise.all([first.done(), second.done()]);
    const lags = seen[1].slice(5).map((at, index) => at - seen[0][index + 5]);
    lags.sort((a, b) => a - b);
    expect(lags.length).toBeGreaterThan(50);
    // Most of them; on a busy machine at least those that come in its quieter moments.
    expect(lags[Math.floor(lags.length / 4)]).toBeLessThan(200);
    expect(second.frames).toBe(first.frames);
  });

  it('a reply is stopped through the other one', async () => {
    const { id, reader, messageId } = await running();
    const began = performance.now();
    const { status, body } = await there.post<ChatMessage>(`/chat/${id}/stop`);
    expect([status, body.id, body.status, body.content]).toEqual([200, messageId, 'stopped', 'One']);
    expect(performance.now() - began).toBeLessThan(1_000 + SLACK_MS);
    expect((await reader.done()).end.finish_reason).toBe('stopped');
    expect(await model.requests[0].closed).toBe('aborted');
  });

  it('a conversation deleted through the other one ends its reply, for readers on both, and the model is let go', async () => {
    const { id, reader, messageId } = await running();
    const follower = await (await there.follow(messageId)).count(2);
    expect((await there.delete(`/conversations/${id}`)).status).toBe(204);
    const began = performance.now();
    await model.requests[0].closed;
    expect(performance.now() - began).toBeLessThan(1_000 + SLACK_MS);
    for (const stream of [await reader.done(), await follower.done()])
      expect(stream.last).toMatchObject({ type: 'error', data: { code: 'conversation_deleted' } });
    expect((await here.get(`/messages/${messageId}`)).status).toBe(404);
  });

  it('the feed on one shows replies that the other one makes, also short ones', async () => {
    const { id } = await here.conversation();
    const feed = await there.feed(id);
    for (const text of ['A.', 'B.', 'C.']) {
      model.script(reply(text));
      await here.say(id, 'Hi');
    }
    await feed.until(() => feed.events.filter(({ type }) => type === 'end').length === 3);
    expect(feed.events.filter(({ type }) => type === 'end').map(({ data }) => data)).toMatchObject([
      { full_text: 'A.' },
      { full_text: 'B.' },
      { full_text: 'C.' },
    ]);
    feed.close();
  });

  it('one reply runs at a time, and one key makes one turn, whichever is asked', async () => {
    const { id, gate, reader } = await running();
    expect((await there.post(`/chat/${id}`, { content: 'Too' })).body.code).toBe('reply_in_progress');
    gate.release();
    await reader.done();
    const calls = model.requests.length;
    const key = { 'Idempotency-Key': 'both' };
    const readers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 ? here : there).stream(id, 'Once', key)),
    );
    await Promise.all(readers.map((stream) => stream.done()));
    expect(new Set(readers.map((stream) => stream.frames)).size).toBe(1);
    expect(model.requests.length - calls).toBe(1);
  });

  it('a request that waits is answered wherever the reply runs', async () => {
    const { id, gate, reader, messageId } = await running();
    const waiting = there.post<{ response: string }>(
      `/chat/${id}`,
      { content: 'Hi' },
      { 'last-event-id': `${messageId}:1` },
    );
    gate.release();
    await reader.done();
    const answer = await waiting;
    expect([answer.status, answer.body.response]).toEqual([200, 'One two three']);
  });

  it('what was queued or interrupted through the other one comes next', async () => {
    const { id, gate, reader } = await running();
    model.script(reply('Queued.'));
    const queued = await there.open('POST', `/chat/${id}/stream`, { content: 'Q', on_busy: 'queue' });
    gate.release();
    await reader.done();
    expect((await queued.done()).end.full_text).toBe('Queued.');
    const again = await running();
    model.script(reply('Interrupted.'));
    const body = { content: 'I', on_busy: 'interrupt' };
    const interrupting = await there.open('POST', `/chat/${again.id}/stream`, body);
    expect((await interrupting.done()).end.full_text).toBe('Interrupted.');
    expect((await again.reader.done()).end.finish_reason).toBe('stopped');
  });

  it('readers of an instance that ends go on at the other one, and nothing of it is left open', async () => {
    const third = await createTestApp({
      env: { ...model.env, SHUTDOWN_GRACE_S: '0' },
      database: one.database,
    });
    const on = ApiClient.of(third.url, 'alice');
    const { id, gate, reader, messageId } = await running();
    const passing = await (await on.follow(messageId)).count(2);
    const own = await on.conversation();
    model.script(reply(['Cut', hold()]));
    const cut = await (await on.stream(own.id, 'Hi')).count(2);
    const elsewhere = await (await here.follow(cut.messageId)).count(2);
    await third.close();
    await passing.done();
    expect([passing.complete, passing.last.type]).toEqual([true, 'chunk']);
    const rest = await there.follow(messageId, { 'last-event-id': passing.last.id });
    gate.release();
    await reader.done();
    expect((await rest.done()).events).toEqual(reader.events.slice(2));
    for (const stream of [await cut.done(), await elsewhere.done()])
      expect(stream.last).toMatchObject({ type: 'error', data: { code: 'interrupted' } });
    expect((await there.history(id)).every(({ status }) => status === 'completed')).toBe(true);
  });

  it('looks for nothing when nobody wants anything', async () => {
    await sleep(11_000);
    const statements = async () => {
      const { DataSource } = await import('typeorm');
      const [row] = await one.app
        .get(DataSource)
        .query(`SELECT sum(xact_commit)::int AS n FROM pg_stat_database WHERE datname = current_database()`);
      return row.n as number;
    };
    const before = await statements();
    await sleep(4_000);
    // Sweepers, leases and news of users; one look every 100 ms would add forty.
    expect((await statements()) - before).toBeLessThan(75);
  });
});

if (!several) it('needs a database server: set TEST_DATABASE_URL', () => expect(several).toBeUndefined());
