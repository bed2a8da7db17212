import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError, ProblemError } from '../../../client/connection';
import {
  followConversation,
  followReply,
  type Shown,
  streamTurn,
  streamVersion,
} from '../../../client/stream';
import type { StreamEvent } from '../../../src/replies/events/reply-event.dto';
import { Random } from '../../faults/support/random';
import { logIn, signUp } from '../../support/accounts';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { type ModelServer, startModelServer } from '../../support/model-server';
import { echo, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { type RequestFault, RequestProxy } from '../../support/request-proxy';
import { until } from '../../support/until';

const SEED = Number(process.env.FAULTS_SEED ?? Date.now() % 1_000_000);
const WORDS = 'Zwölf Boxkämpfer jagen 維克多 quer über den großen Sylter Deich 🦊 und zurück. ';
const NOBODY = '019a5b1c-7f00-7000-8000-00000000000a';

type Event = Shown<StreamEvent>;

let model: ModelServer;
let t: TestApp;
let proxy: RequestProxy;
/** Options of alice, through the proxy. */
let alice: { baseUrl: string; headers: Record<string, string> };

beforeAll(async () => {
  model = await startModelServer();
  t = await createTestApp({ env: { ...model.env, SSE_HEARTBEAT_MS: '1000' } });
  proxy = await RequestProxy.start(() => t.url);
  alice = { baseUrl: proxy.url, headers: { 'X-User-ID': 'alice' } };
});
beforeEach(() => {
  model.reset();
  // Slowly, or its words are joined to few events.
  model.otherwise(echo({ delayMs: 5 }));
  proxy.reset();
});
afterAll(async () => {
  await proxy.close();
  await t.close();
  await model.close();
});

async function all<E>(events: AsyncIterable<E>): Promise<E[]> {
  const collected: E[] = [];
  for await (const event of events) collected.push(event);
  return collected;
}

/** What a reader threw. */
async function thrown(events: AsyncIterable<unknown>): Promise<unknown> {
  return all(events).then(
    () => 'nothing',
    (error: unknown) => error,
  );
}

/** Waits for a reader that ends by its signal. */
async function expectLeft(reading: Promise<unknown>, { signal }: AbortController): Promise<void> {
  const error = await reading.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DOMException);
  expect(error).toBe(signal.reason);
}

const textOf = (events: Event[]) =>
  events.map((event) => (event.type === 'chunk' ? event.data.content : '')).join('');
const idsOf = (events: Event[]) => events.map(({ id }) => id);
const get = async (path: string) => (await t.as('alice').get(`/api/v1${path}`).expect(200)).body;
const newConversation = async () =>
  (await t.as('alice').post('/api/v1/conversations').send({}).expect(201)).body.id as string;

function startOf(events: Event[]) {
  const [event] = events;
  if (event?.type !== 'start') throw new Error(`The first event is ${JSON.stringify(event)}`);
  return event.data;
}

/** Each event of one reply is there once, in order, and its text is what is stored. */
async function expectWhole(events: Event[]): Promise<void> {
  const { message_id } = startOf(events);
  expect(idsOf(events)).toEqual(events.map((_, index) => `${message_id}:${index + 1}`));
  const last = events.at(-1);
  expect(last).toMatchObject({ type: 'end', data: { full_text: textOf(events) } });
  expect(await get(`/messages/${message_id}`)).toMatchObject({
    status: 'completed',
    content: textOf(events),
  });
}

describe('a turn', () => {
  it('makes a conversation, and goes on in it', async () => {
    const first = await all(streamTurn({ ...alice, turn: { content: WORDS } }));
    await expectWhole(first);
    expect(textOf(first)).toBe(WORDS);
    const { conversation_id: conversationId } = startOf(first);
    const second = await all(streamTurn({ ...alice, conversationId, turn: { content: 'And?' } }));
    await expectWhole(second);
    expect(startOf(second).conversation_id).toBe(conversationId);
    expect(proxy.requests.map(({ method }) => method)).toEqual(['POST', 'POST']);
  });

  it('takes an address with the path of the API, and a slash at its end', async () => {
    for (const baseUrl of [`${t.url}/`, `${t.url}/api/v1`, `${t.url}/api/v1/`])
      await expectWhole(await all(streamTurn({ ...alice, baseUrl, turn: { message: 'Hello' } })));
  });

  it('has versions: edited, regenerated, and continued', async () => {
    const first = await all(streamTurn({ ...alice, turn: { content: 'One' } }));
    const { message_id, user_message_id } = startOf(first);
    const edited = await all(
      streamVersion({ ...alice, messageId: user_message_id, action: 'edit', turn: { content: 'Two' } }),
    );
    await expectWhole(edited);
    expect(textOf(edited)).toBe('Two');
    const again = await all(streamVersion({ ...alice, messageId: message_id, action: 'regenerate' }));
    await expectWhole(again);
    expect(textOf(again)).toBe('One');
    const refused = await thrown(streamVersion({ ...alice, messageId: message_id, action: 'continue' }));
    expect(refused).toMatchObject({ status: 409, code: 'reply_complete' });
  });

  it('comes whole in pieces of any size, and with each block twice', async () => {
    for (const fault of [
      { kind: 'crumbs', bytes: 1 },
      { kind: 'crumbs', bytes: 7 },
      { kind: 'repeat' },
    ] as const) {
      proxy.script.push(fault);
      const events = await all(streamTurn({ ...alice, turn: { content: WORDS } }));
      await expectWhole(events);
      expect(textOf(events)).toBe(WORDS);
    }
    expect(proxy.requests).toHaveLength(3);
  });

  it('is made once although it arrives twice, or its answer is lost', async () => {
    for (const kind of ['twice', 'unanswered', 'lost'] as const) {
      model.reset();
      model.otherwise(echo());
      proxy.script.push({ kind });
      const conversationId = await newConversation();
      await expectWhole(await all(streamTurn({ ...alice, conversationId, turn: { content: 'Once' } })));
      expect(model.requests).toHaveLength(1);
      expect((await get(`/chat/${conversationId}/history`)).data).toHaveLength(2);
    }
  });

  it('is the same turn for the same key', async () => {
    const options = { ...alice, idempotencyKey: 'client-key-1', turn: { content: 'Once' } };
    expect(await all(streamTurn(options))).toEqual(await all(streamTurn(options)));
    expect(model.requests).toHaveLength(1);
    const other = await thrown(streamTurn({ ...options, turn: { content: 'Twice' } }));
    expect(other).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
  });

  it('goes on after its last event wherever the connection breaks or ends', async () => {
    for (const kind of ['cut', 'ended'] as const) {
      proxy.reset();
      proxy.script.push({ kind, afterBytes: 700 }, { kind, afterBytes: 500 }, { kind, afterBytes: 0 });
      const events = await all(streamTurn({ ...alice, turn: { content: WORDS.repeat(3) } }));
      await expectWhole(events);
      const [post, ...rest] = proxy.requests;
      expect([post.method, ...rest.map(({ method }) => method)]).toEqual(['POST', 'GET', 'GET', 'GET']);
      expect(rest[0].headers['last-event-id']).toMatch(/:\d+$/);
    }
  });

  it('counts a connection as lost on which nothing comes, but waits while there are heartbeats', async () => {
    proxy.script.push({ kind: 'stuck', afterBytes: 400 });
    const gate = hold();
    model.script(reply(['Slow', gate, ' and sure.']));
    const reading = all(streamTurn({ ...alice, idleTimeoutMs: 3_000, turn: { content: WORDS } }));
    await until(async () => proxy.requests.length === 2);
    await sleep(4_000);
    gate.release();
    await expectWhole(await reading);
    expect(proxy.requests).toHaveLength(2);
    expect(proxy.open).toBe(0);
  });

  it('tells its place in the queue of its model once', async () => {
    proxy.script.push({ kind: 'repeat' });
    const conversationId = await newConversation();
    const gate = hold();
    model.script(reply(['First', gate, '.']));
    const first = all(streamTurn({ ...alice, conversationId, turn: { content: 'a' } }));
    await gate.reached;
    const second = all(streamTurn({ ...alice, conversationId, turn: { content: 'b', on_busy: 'queue' } }));
    await until(async () => proxy.requests.length === 2);
    gate.release();
    await expectWhole(await first);
    await expectWhole(await second);
  });
});

describe('what the service refuses', () => {
  const refusals: [string, () => AsyncIterable<unknown>, object][] = [
    ['a blank message', () => streamTurn({ ...alice, turn: { content: ' ' } }), { status: 400 }],
    ['no identity', () => streamTurn({ baseUrl: proxy.url, turn: { content: 'x' } }), { status: 401 }],
    [
      'a conversation of nobody',
      () => streamTurn({ ...alice, conversationId: NOBODY, turn: { content: 'x' } }),
      { status: 404, code: 'conversation_not_found' },
    ],
    ['a reply of nobody', () => followReply({ ...alice, messageId: NOBODY }), { status: 404 }],
    [
      'an event of nobody',
      () => followReply({ ...alice, messageId: NOBODY, after: `${NOBODY}:3` }),
      { status: 404 },
    ],
  ];
  it.each(refusals)('is thrown and asked for once: %s', async (_what, read, expected) => {
    const error = await thrown(read());
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ ...expected, name: 'ProblemError' });
    expect((error as ProblemError).message).toBe((error as ProblemError).problem?.detail);
    expect(proxy.requests).toHaveLength(1);
  });

  it('is a second turn while a reply runs', async () => {
    const conversationId = await newConversation();
    const gate = hold();
    model.script(reply(['First', gate, '.']));
    const first = all(streamTurn({ ...alice, conversationId, turn: { content: 'a' } }));
    await gate.reached;
    const second = await thrown(streamTurn({ ...alice, conversationId, turn: { content: 'b' } }));
    expect(second).toMatchObject({ status: 409, code: 'reply_in_progress' });
    gate.release();
    await expectWhole(await first);
  });

  it('is no problem if something in between answers, and is read even if it is no JSON', async () => {
    for (const headers of [{ 'content-type': 'text/html' }, { 'content-type': 'application/problem+json' }]) {
      proxy.script.push({ kind: 'answer', status: 403, headers, body: '<html>' });
      const error = await thrown(streamTurn({ ...alice, turn: { content: 'x' } }));
      expect(error).toMatchObject({ status: 403, problem: undefined, message: 'The service answered 403.' });
    }
  });

  it('is told of a page that is no stream', async () => {
    proxy.script.push({ kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: 'Hi' });
    const error = await thrown(followConversation({ ...alice, conversationId: NOBODY }));
    expect(String(error)).toMatch(/answered text\/html, no event stream/);
    expect(proxy.requests).toHaveLength(1);
  });
});

describe('what is tried again', () => {
  const busy = (status: number, seconds = '1'): RequestFault => ({
    kind: 'answer',
    status,
    headers: { 'retry-after': seconds },
  });

  it('waits as long as a 503 says, and tells of it', async () => {
    proxy.script.push(busy(503, '2'));
    const told: unknown[] = [];
    const onRetry = (failure: unknown, waitMs: number) => told.push([failure, waitMs]);
    await expectWhole(await all(streamTurn({ ...alice, onRetry, turn: { content: 'x' } })));
    const [first, second] = proxy.requests;
    expect(second.at - first.at).toBeGreaterThan(1_990);
    expect(second.headers['idempotency-key']).toBe(first.headers['idempotency-key']);
    expect(told).toEqual([[expect.objectContaining({ status: 503 }), expect.any(Number)]]);
  });

  it('throws a 429 that answers the first request, and waits out one that stands in the way of the rest', async () => {
    proxy.script.push(busy(429));
    const error = await thrown(streamTurn({ ...alice, turn: { content: 'x' } }));
    expect(error).toMatchObject({ status: 429, retryAfterMs: 1_000 });
    expect(proxy.requests).toHaveLength(1);
    proxy.script.push({ kind: 'cut', afterBytes: 500 }, busy(429));
    await expectWhole(await all(streamTurn({ ...alice, turn: { content: WORDS } })));
    proxy.script.push({ kind: 'unanswered' }, busy(429));
    await expectWhole(await all(streamTurn({ ...alice, turn: { content: WORDS } })));
  });

  it('gives up after as many failures in a row as it may', async () => {
    proxy.otherwise = () => ({ kind: 'lost' });
    const lost = await thrown(streamTurn({ ...alice, maxRetries: 2, turn: { content: 'x' } }));
    expect(lost).toBeInstanceOf(ConnectionError);
    expect(proxy.requests).toHaveLength(3);
    proxy.otherwise = () => ({ kind: 'answer', status: 500 });
    const failed = await thrown(streamTurn({ ...alice, maxRetries: 0, turn: { content: 'x' } }));
    expect(failed).toMatchObject({ status: 500 });
    const nowhere = { ...alice, baseUrl: 'http://127.0.0.1:9', maxRetries: 1 };
    expect(await thrown(streamTurn({ ...nowhere, turn: { content: 'x' } }))).toBeInstanceOf(ConnectionError);
  });

  it('asks for headers each time, also after these could not be had', async () => {
    proxy.script.push({ kind: 'cut', afterBytes: 500 });
    let asked = 0;
    const headers = async () => {
      if (++asked === 2) throw new TypeError('fetch failed');
      return { 'X-User-ID': 'alice' };
    };
    await expectWhole(await all(streamTurn({ ...alice, headers, turn: { content: WORDS } })));
    expect(asked).toBe(3);
    const signedOut = new Error('Sign in again.');
    const refuse = () => Promise.reject(signedOut);
    expect(await thrown(streamTurn({ ...alice, headers: refuse, turn: { content: 'x' } }))).toBe(signedOut);
  });

  it('takes headers and fetch as they come', async () => {
    const urls: unknown[] = [];
    const send: typeof fetch = (url, init) => {
      urls.push(url);
      return fetch(url, init);
    };
    for (const headers of [new Headers(alice.headers), Object.entries(alice.headers), () => alice.headers])
      await expectWhole(await all(streamTurn({ ...alice, headers, fetch: send, turn: { content: 'x' } })));
    expect(urls).toHaveLength(3);
    const bodiless: typeof fetch = async () =>
      new Response(null, { headers: { 'content-type': 'text/event-stream' } });
    const error = await thrown(streamTurn({ ...alice, fetch: bodiless, turn: { content: 'x' } }));
    expect(String(error)).toMatch(/expo\/fetch/);
  });
});

describe('a reply that is followed', () => {
  it('comes from its start or after an event, and not at all to who has all of it', async () => {
    const events = await all(streamTurn({ ...alice, turn: { content: WORDS } }));
    const { message_id: messageId } = startOf(events);
    expect(await all(followReply({ ...alice, messageId }))).toEqual(events);
    expect(await all(followReply({ ...alice, messageId, after: events[3].id }))).toEqual(events.slice(4));
    expect(await all(followReply({ ...alice, messageId, after: events.at(-1)?.id }))).toEqual([]);
    const error = await thrown(followReply({ ...alice, messageId, after: 'nonsense' }));
    expect(error).toMatchObject({ status: 400, code: 'invalid_last_event_id' });
  });

  it('comes to every reader of its conversation, reply after reply, over lost connections', async () => {
    const conversationId = await newConversation();
    const leave = new AbortController();
    proxy.script.push({ kind: 'cut', afterBytes: 900 });
    const seen: Event[] = [];
    let opened = 0;
    const onOpen = () => opened++;
    const { signal } = leave;
    const reading = (async () => {
      for await (const event of followConversation({ ...alice, conversationId, signal, onOpen }))
        seen.push(event);
    })();
    await until(async () => opened === 1);
    const turns: Event[] = [];
    for (const content of ['One', WORDS, 'Three'])
      turns.push(...(await all(streamTurn({ ...alice, baseUrl: t.url, conversationId, turn: { content } }))));
    await until(async () => seen.length >= turns.length);
    expect(seen).toEqual(turns);
    expect(opened).toBe(2);
    leave.abort();
    await expectLeft(reading, leave);
    // From an event of the first reply on.
    const after = turns[2].id;
    const rest: Event[] = [];
    for await (const event of followConversation({ ...alice, conversationId, after })) {
      rest.push(event);
      if (event.id === turns.at(-1)?.id) break;
    }
    expect(rest).toEqual(turns.slice(3));
    await until(async () => proxy.open === 0);
  });

  it('ends where its conversation is deleted', async () => {
    const conversationId = await newConversation();
    const reading = thrown(followConversation({ ...alice, conversationId }));
    await until(async () => proxy.open === 1);
    await t.as('alice').delete(`/api/v1/conversations/${conversationId}`).expect(204);
    expect(await reading).toMatchObject({ status: 404, code: 'conversation_not_found' });
  });
});

describe('a reader that leaves', () => {
  it('before it reads asks for nothing', async () => {
    const signal = AbortSignal.abort(new Error('Never mind.'));
    expect(await thrown(streamTurn({ ...alice, signal, turn: { content: 'x' } }))).toBe(signal.reason);
    streamTurn({ ...alice, turn: { content: 'x' } });
    await sleep(50);
    expect(proxy.requests).toEqual([]);
  });

  it('in the middle of a reply leaves nothing open, and the reply goes on', async () => {
    for (const how of ['signal', 'break'] as const) {
      const gate = hold();
      model.script(reply(['Half', gate, ' whole.']));
      const leave = new AbortController();
      const added = vi.spyOn(leave.signal, 'addEventListener');
      const removed = vi.spyOn(leave.signal, 'removeEventListener');
      let messageId = '';
      const reading = (async () => {
        for await (const event of streamTurn({ ...alice, signal: leave.signal, turn: { content: 'x' } })) {
          if (event.type === 'start') messageId = event.data.message_id;
          if (event.type === 'chunk' && how === 'break') break;
          if (event.type === 'chunk') leave.abort();
        }
      })();
      await (how === 'break' ? reading : expectLeft(reading, leave));
      await until(async () => proxy.open === 0);
      // `fetch` listens to a signal of the reader's own.
      expect(removed).toHaveBeenCalledTimes(added.mock.calls.length);
      gate.release();
      await expectWhole(await all(followReply({ ...alice, messageId })));
    }
  });

  it('while it waits asks for nothing more', async () => {
    proxy.otherwise = () => ({ kind: 'answer', status: 503, headers: { 'retry-after': '100000000' } });
    for (const soon of [true, false]) {
      proxy.requests.length = 0;
      const leave = new AbortController();
      const onRetry = () => (soon ? leave.abort() : setTimeout(() => leave.abort(), 50));
      const { signal } = leave;
      expect(await thrown(streamTurn({ ...alice, signal, onRetry, turn: { content: 'x' } }))).toBe(
        signal.reason,
      );
      expect(proxy.requests).toHaveLength(1);
    }
  });

  it('keeps what has come for itself once the signal is aborted', async () => {
    await all(streamTurn({ ...alice, turn: { content: WORDS } }));
    const leave = new AbortController();
    const seen: Event[] = [];
    const reading = (async () => {
      for await (const event of streamTurn({ ...alice, signal: leave.signal, turn: { content: WORDS } })) {
        seen.push(event);
        // All of it has come by then.
        await sleep(200);
        leave.abort();
      }
    })();
    await expectLeft(reading, leave);
    expect(seen).toHaveLength(1);
  });
});

it('goes on with a fresh token where its session has ended', async () => {
  const tokens = await createTestApp({ env: { ...model.env, AUTH_MODE: 'token' } });
  try {
    const person = await signUp(tokens.url, 'alice');
    const gate = hold();
    model.script(reply(['Before', gate, ' after.']));
    let access = person.access;
    const headers = async () => ({ Authorization: `Bearer ${access}` });
    const reading = all(streamTurn({ baseUrl: tokens.url, headers, turn: { content: 'x' } }));
    await gate.reached;
    const next = await logIn(tokens.url, 'alice');
    access = next.access_token;
    await person.api.post('/auth/logout', { refresh_token: person.refresh });
    await sleep(1_500);
    gate.release();
    const events = await reading;
    expect(textOf(events)).toBe('Before after.');
    expect(new Set(idsOf(events)).size).toBe(events.length);
    expect(events.at(-1)?.type).toBe('end');
  } finally {
    await tokens.close();
  }
});

it(`shows every event once and in order through a network that does anything (seed ${SEED})`, async () => {
  model.otherwise(echo({ delayMs: 3 }));
  const random = new Random(SEED);
  const draw = (): RequestFault => {
    const kind = random.pick([
      'none',
      'lost',
      'unanswered',
      'twice',
      'repeat',
      'cut',
      'ended',
      'delay',
      'crumbs',
      'answer',
    ] as const);
    if (kind === 'cut' || kind === 'ended') return { kind, afterBytes: random.int(0, 2_500) };
    if (kind === 'delay') return { kind, ms: random.int(1, 40) };
    if (kind === 'crumbs') return { kind, bytes: random.int(1, 50) };
    if (kind === 'answer') return { kind, status: random.pick([500, 502, 503, 504]) };
    return { kind };
  };
  proxy.otherwise = draw;
  const conversations = await Promise.all(Array.from({ length: 6 }, newConversation));
  const seen = new Map<string, Event[]>();
  const leave = new AbortController();
  const feeds = conversations.map(async (conversationId) => {
    const events: Event[] = [];
    seen.set(conversationId, events);
    const { signal } = leave;
    for await (const event of followConversation({ ...alice, conversationId, signal })) events.push(event);
  });
  await until(async () => proxy.open >= 1);
  await Promise.all(
    conversations.map(async (conversationId, index) => {
      for (let round = 0; round < 3; round++) {
        const content = `${index}/${round} ${WORDS.repeat(random.int(1, 4))}`;
        const events = await all(streamTurn({ ...alice, maxRetries: 50, conversationId, turn: { content } }));
        await expectWhole(events);
        expect(textOf(events)).toBe(content);
      }
      const messages = (await get(`/chat/${conversationId}/history`)).data as { role: string }[];
      expect(messages.map(({ role }) => role)).toEqual(
        Array.from({ length: 3 }, () => ['user', 'assistant']).flat(),
      );
    }),
  );
  expect(model.requests).toHaveLength(18);
  leave.abort();
  for (const feed of feeds) await expectLeft(feed, leave);
  // A feed begins when it has got through, and goes on from there.
  for (const events of seen.values()) {
    const ids = idsOf(events);
    expect(new Set(ids).size).toBe(ids.length);
    const replies = Map.groupBy(events, ({ id = '' }) => id.split(':')[0]);
    for (const [id, ofReply] of replies)
      expect(idsOf(ofReply)).toEqual(ofReply.map((_, index) => `${id}:${index + 1}`));
  }
  await until(async () => proxy.open === 0);
});
