import type { Conversation, ConversationDetail, Page } from '../../support/api-client';
import { STORAGE_BOUNDS } from '../../../src/config/bounds';
import { useChatApp } from '../../support/use-chat-app';

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const t = useChatApp();
const alice = t.client('alice');

const read = async (id: string) => (await alice.get<ConversationDetail>(`/conversations/${id}`)).body;

/** The parts of a response that the request has named. */
function pick(whole: object, names: object): object {
  return Object.fromEntries(Object.entries(whole).filter(([name]) => name in names));
}

describe('POST /conversations', () => {
  it('makes an empty one of {}', async () => {
    const { status, body, headers } = await alice.post<Conversation>('/conversations', {});
    expect([status, headers.get('etag')]).toEqual([201, expect.stringMatching(/^"[^"]+"$/)]);
    expect(body).toMatchObject({
      id: expect.stringMatching(UUID),
      title: null,
      model: null,
      system_prompt: null,
      settings: {},
      metadata: {},
      pinned: false,
      archived: false,
      created_at: expect.stringMatching(TIMESTAMP),
      updated_at: expect.stringMatching(TIMESTAMP),
    });
    expect(await read(body.id)).toEqual({ ...body, messages: [], messages_cursor: null });
  });

  it('keeps everything that it is given', async () => {
    const fields = {
      title: 'Ünïcode 👩‍👧 \u202E',
      model: 'test-model',
      system_prompt: 'Be\nbrief.',
      settings: {
        temperature: 0,
        top_p: 1,
        max_output_tokens: 1,
        stop: ['\n', 'END'],
        seed: -1,
        reasoning_effort: 'high',
      },
      metadata: { 'a.b': '', _x: 'y' },
    };
    const made = await alice.conversation(fields);
    expect(pick(made, fields)).toEqual(fields);
    expect(pick(await read(made.id), fields)).toEqual(fields);
  });

  it('takes at most 16 pairs of strings as metadata', async () => {
    const pairs = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`key ${i}`, 'x']));
    expect((await alice.conversation({ metadata: pairs(16) })).metadata).toEqual(pairs(16));
    for (const metadata of [
      pairs(17),
      { a: 1 },
      { a: null },
      { a: { b: 'c' } },
      { a: ['b'] },
      ['a'],
      'a',
      1,
    ]) {
      const { status, body } = await alice.post('/conversations', { metadata });
      expect([metadata, status, body.errors?.[0].path]).toEqual([metadata, 400, 'metadata']);
    }
  });

  it.each(['toString', 'valueOf', 'hasOwnProperty', '__proto__', 'constructor', 'prototype'])(
    'stores the metadata key %s or refuses it, but does not lose it',
    async (key) => {
      const { status, body } = await alice.post<Conversation>(
        '/conversations',
        `{"metadata":{"${key}":"x"}}`,
      );
      if (status !== 400) expect(JSON.stringify(body.metadata)).toBe(`{"${key}":"x"}`);
      expect([201, 400]).toContain(status);
    },
  );

  it.each([
    ['temperature', [-0.1, 2.1, '1', true, []]],
    ['top_p', [-0.1, 1.1, '1']],
    ['max_output_tokens', [0, -1, 1.5, '10']],
    ['stop', ['x', [1], ['']]],
    ['seed', [1.5, '1', 2 ** 53]],
    ['reasoning_effort', ['Wild', 'so so', 'a'.repeat(33), 1, '']],
    ['tools', [[]]],
  ])('checks the setting %s', async (name, values) => {
    for (const value of values) {
      const { status, body } = await alice.post('/conversations', { settings: { [name]: value } });
      expect([value, status, body.errors?.[0].path]).toEqual([value, 400, `settings.${name}`]);
    }
  });

  it('with null for everything is one with nothing', async () => {
    const nothing = { title: null, model: null, system_prompt: null, settings: null, metadata: null };
    const made = await alice.conversation(nothing);
    expect(pick(made, nothing)).toEqual({ ...nothing, settings: {}, metadata: {} });
  });

  it.each(['id', 'user_id', 'created_at', 'updated_at', 'active_message_id', 'role', 'deleted_at'])(
    'does not let a client choose %s',
    async (field) => {
      const { status, body } = await alice.post('/conversations', { [field]: 'x' });
      expect([status, body.errors?.[0].path]).toEqual([400, field]);
    },
  );
});

describe('PATCH /conversations/{id}', () => {
  it.each(['PATCH', 'PUT'])('changes what is named and nothing else (%s)', async (method) => {
    const made = await alice.conversation({ title: 'Old', system_prompt: 'Old', metadata: { a: 'b' } });
    const changes: object[] = [
      { title: 'New' },
      { model: 'test-model' },
      { system_prompt: 'New' },
      { settings: { seed: 1 } },
      { metadata: { c: 'd' } },
      { pinned: true },
      { archived: true },
    ];
    let expected: object = made;
    for (const change of changes) {
      const { status, body } = await alice.call<Conversation>(method, `/conversations/${made.id}`, change);
      expected = { ...expected, ...change, updated_at: body.updated_at };
      expect([status, body]).toEqual([200, expected]);
    }
    expect(await read(made.id)).toEqual({ ...expected, messages: [], messages_cursor: null });
  });

  it('takes back with null what may be null; for the rest null is as if absent', async () => {
    const fields = { title: 'x', model: 'test-model', system_prompt: 'x' };
    const others = { settings: { seed: 1 }, metadata: { a: 'b' } };
    const { id } = await alice.conversation({ ...fields, ...others });
    await alice.patch(`/conversations/${id}`, { pinned: true });
    const nothing = { title: null, model: null, system_prompt: null };
    const { status, body } = await alice.patch<Conversation>(`/conversations/${id}`, nothing);
    expect([status, pick(body, fields)]).toEqual([200, nothing]);
    const none = { settings: null, metadata: null, pinned: null, archived: null };
    for (const method of ['PATCH', 'PUT']) {
      const kept = await alice.call<Conversation>(method, `/conversations/${id}`, none);
      expect([kept.status, kept.body]).toMatchObject([200, { ...others, pinned: true, archived: false }]);
    }
    await alice.patch(`/conversations/${id}`, { settings: { seed: null, temperature: 1 } });
    expect((await read(id)).settings).toEqual({ temperature: 1 });
  });

  it('with If-Match of what was read answers 412 to a lost update', async () => {
    const { id } = await alice.conversation({ title: 'Old' });
    const etag = (await alice.get(`/conversations/${id}`)).headers.get('etag') ?? '';
    const first = await alice.patch(`/conversations/${id}`, { title: 'First' }, { 'if-match': etag });
    expect(first.status).toBe(200);
    expect(first.headers.get('etag')).not.toBe(etag);
    const second = await alice.patch(`/conversations/${id}`, { title: 'Second' }, { 'if-match': etag });
    expect([second.status, second.body.code]).toEqual([412, 'conversation_changed']);
    expect((await read(id)).title).toBe('First');
    // A proxy that compresses makes it weak.
    const again = { 'if-match': `W/${first.headers.get('etag')}` };
    expect((await alice.patch(`/conversations/${id}`, { title: 'Second' }, again)).status).toBe(200);
  });

  it('with If-Match lets one of many at once win', async () => {
    const { id } = await alice.conversation();
    const etag = (await alice.get(`/conversations/${id}`)).headers.get('etag') ?? '';
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        alice.patch<Conversation>(`/conversations/${id}`, { title: `${i}` }, { 'if-match': etag }),
      ),
    );
    const won = answers.find(({ status }) => status === 200);
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 9 }, () => 412),
    ]);
    expect((await read(id)).title).toBe(won?.body.title);
  });

  it('accepts If-Match: *, and a list that has the current one', async () => {
    const { id } = await alice.conversation();
    const etag = (await alice.get(`/conversations/${id}`)).headers.get('etag') ?? '';
    const list = await alice.patch(`/conversations/${id}`, { pinned: true }, { 'if-match': `"x", ${etag}` });
    expect(list.status).toBe(200);
    expect((await alice.patch(`/conversations/${id}`, { pinned: true }, { 'if-match': '*' })).status).toBe(
      200,
    );
    expect((await alice.patch(`/conversations/${id}`, { pinned: true }, { 'if-match': '"x"' })).status).toBe(
      412,
    );
  });

  it('keeps a title that was chosen while a reply was on its way', async () => {
    const { id } = await alice.conversation();
    await Promise.all([alice.say(id, 'Hello there'), alice.patch(`/conversations/${id}`, { title: 'Mine' })]);
    expect((await read(id)).title).toBe('Mine');
    await alice.say(id, 'Hello again');
    expect((await read(id)).title).toBe('Mine');
  });
});

describe('GET /conversations', () => {
  it('lists the newest activity first', async () => {
    const dora = t.client('dora');
    const ids: string[] = [];
    for (let i = 0; i < 4; i += 1) ids.push((await dora.conversation()).id);
    await dora.say(ids[1], 'Hi');
    const list = await dora.get<Page<Conversation>>('/conversations');
    expect(list.body).toMatchObject({ has_more: false, next_cursor: null });
    expect(list.body.data.map(({ id }) => id)).toEqual([ids[1], ids[3], ids[2], ids[0]]);
    expect(list.body.data[0]).not.toHaveProperty('messages');
  });

  it('pages through all without loss or repetition while new ones are made and old ones become active', async () => {
    const emil = t.client('emil');
    const ids: string[] = [];
    for (let i = 0; i < 65; i += 1) ids.push((await emil.conversation({ title: `No ${i}` })).id);
    let extra = 0;
    const pages = await emil.pages<Conversation>('/conversations', 10, async () => {
      await emil.conversation({ title: `Extra ${extra++}` });
    });
    const seen = pages.flat().map(({ id }) => id);
    expect(seen).toEqual(ids.toReversed());
    expect(pages.map(({ length }) => length)).toEqual([10, 10, 10, 10, 10, 10, 5]);
    expect((await emil.pages<Conversation>('/conversations', 100)).flat()).toHaveLength(65 + extra);
  });

  it('hides archived ones unless asked', async () => {
    const fay = t.client('fay');
    const [kept, archived] = [await fay.conversation(), await fay.conversation()];
    await fay.patch(`/conversations/${archived.id}`, { archived: true });
    const list = async (query: string) =>
      (await fay.get<Page<Conversation>>(`/conversations${query}`)).body.data.map(({ id }) => id);
    expect(await list('?archived=true')).toEqual([archived.id]);
    expect(await list('?archived=false')).toEqual([kept.id]);
  });

  it('searches titles by q as it is written, in any case', async () => {
    const gus = t.client('gus');
    const titles = ['100% sure', 'a_b', 'back\\slash', "O'Hara", 'Grüße'];
    for (const title of titles) await gus.conversation({ title });
    for (const [q, found] of [
      ['%', ['100% sure']],
      ['_', ['a_b']],
      ['\\', ['back\\slash']],
      ["'", ["O'Hara"]],
      ['SURE', ['100% sure']],
      ['Grü', ['Grüße']],
      ['nothing', []],
    ] as const) {
      const { body } = await gus.get<Page<Conversation>>(`/conversations?q=${encodeURIComponent(q)}`);
      expect([q, body.data.map(({ title }) => title)]).toEqual([q, found]);
    }
  });

  it('looks at so many titles for a page, which ends there, and goes on with the next', async () => {
    const looked = vi.spyOn<{ limit: number }, 'limit'>(STORAGE_BOUNDS.searchedConversations, 'limit', 'get');
    const nia = t.client('nia');
    // Found are the first two, and three of those in the middle.
    for (let i = 0; i < 12; i += 1)
      await nia.conversation({ title: i < 2 || (i > 5 && i < 9) ? `found ${i}` : `other ${i}` });
    try {
      for (const most of [1, 3, 4, 12, 100]) {
        looked.mockReturnValue(most);
        for (const limit of [1, 2, 100]) {
          const pages = await nia.pages<Conversation>('/conversations?q=found', limit);
          expect(pages.flat().map(({ title }) => title)).toEqual([
            'found 8',
            'found 7',
            'found 6',
            'found 1',
            'found 0',
          ]);
          expect(pages.every(({ length }) => length <= Math.min(limit, most))).toBe(true);
        }
      }
    } finally {
      looked.mockRestore();
    }
  });

  it('refuses cursors that were changed, or are of another list or user', async () => {
    const [hal, ida] = [t.client('hal'), t.client('ida')];
    for (let i = 0; i < 3; i += 1) await hal.conversation();
    const { body } = await hal.get<Page<Conversation>>('/conversations?limit=1');
    const cursor = body.next_cursor ?? '';
    const at = (i: number) => cursor.slice(0, i) + (cursor[i] === 'A' ? 'B' : 'A') + cursor.slice(i + 1);
    const tampered = Array.from(cursor, (_, i) => at(i));
    for (const wrong of ['', 'x', '0', cursor.slice(1), `${cursor}x`, ...tampered]) {
      const answer = await hal.get<Page<Conversation> & { code: string }>(
        `/conversations?limit=1&cursor=${encodeURIComponent(wrong)}`,
      );
      expect([wrong, answer.status]).toEqual([wrong, 400]);
    }
    expect((await ida.get(`/conversations?cursor=${cursor}`)).status).toBe(400);
    expect((await hal.get(`/feedback?cursor=${cursor}`)).status).toBe(400);
  });
});

describe('GET /conversations/{id}', () => {
  it('has the latest page of the active path, oldest first, and a cursor for what is older', async () => {
    const { id } = await alice.conversation();
    for (let i = 0; i < 35; i += 1) await alice.say(id, `Turn ${i}`);
    const whole = await read(id);
    const last = whole.messages.at(-1);
    expect(last).toMatchObject({ role: 'assistant', content: 'Hello from the model server.' });
    expect(whole.messages.length).toBeLessThan(70);
    expect(whole.messages_cursor).toEqual(expect.any(String));
    const path = `/conversations/${id}/messages?cursor=${encodeURIComponent(whole.messages_cursor ?? '')}`;
    const older = (await alice.get<Page<{ id: string; content: string; role: string }>>(`${path}&limit=100`))
      .body;
    const all = [...older.data, ...whole.messages];
    expect(all.filter(({ role }) => role === 'user').map(({ content }) => content)).toEqual(
      Array.from({ length: 35 }, (_, i) => `Turn ${i}`),
    );
    expect(new Set(all.map((message) => message.id)).size).toBe(70);
  });
});

describe('DELETE /conversations/{id}', () => {
  it('takes everything of it', async () => {
    const { id } = await alice.conversation();
    const { message, user_message } = await alice.say(id, 'Hi');
    const feedback = await alice.post<{ id: string }>('/feedback', { message_id: message.id, rating: 5 });
    const answer = await alice.delete(`/conversations/${id}`);
    expect([answer.status, answer.text]).toEqual([204, '']);
    for (const path of [
      `/conversations/${id}`,
      `/messages/${message.id}`,
      `/messages/${user_message.id}`,
      `/messages/${message.id}/stream`,
      `/feedback/${feedback.body.id}`,
      `/chat/${id}/history`,
    ]) {
      expect([path, (await alice.get(path)).status]).toEqual([path, 404]);
    }
    expect((await alice.get<Page<object>>('/feedback')).body.data).toEqual([]);
    const left = (await alice.pages<Conversation>('/conversations', 100)).flat();
    expect(left.map((each) => each.id)).not.toContain(id);
  });

  it('at the same time as turns and feedback leaves no 500 behind', async () => {
    const { id } = await alice.conversation();
    const { message } = await alice.say(id, 'Hi');
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, i) => {
        if (i % 4 === 0) return alice.post(`/chat/${id}`, { content: 'x' });
        if (i % 4 === 1) return alice.post('/feedback', { message_id: message.id, rating: 1 });
        if (i % 4 === 2) return alice.patch(`/conversations/${id}`, { title: 'x' });
        return alice.delete(`/conversations/${id}`);
      }),
    );
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
  });
});
