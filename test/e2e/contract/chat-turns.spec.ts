import type { Problem } from '../../support/api-client';
import { failure, hang, reply, silence, stream, text } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { useChatApp } from '../../support/use-chat-app';

const MAX = 1_000;

const t = useChatApp({
  CHAT_MAX_CONTENT_CHARS: String(MAX),
  LLM_FIRST_EVENT_TIMEOUT_MS: '2000',
  LLM_IDLE_TIMEOUT_MS: '2000',
});
const { model: server } = t;
const alice = t.client('alice');
const bob = t.client('bob');

/** What the model was asked last. */
const asked = () => server.requests.at(-1)?.body;

/** What a turn is refused with, in each of its forms; nothing may be stored. */
async function refusal(body: object | string, id?: string): Promise<Problem> {
  const conversation = id ?? (await alice.conversation()).id;
  const before = await alice.history(conversation);
  const calls = server.requests.length;
  const answers = [
    await alice.post(`/chat/${conversation}`, body),
    await alice.post(`/chat/${conversation}/stream`, body),
  ];
  if (typeof body === 'object')
    answers.push(await alice.post('/chat', { ...body, conversation_id: conversation }));
  for (const { status, body: problem, headers } of answers) {
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect([status, problem.code]).toEqual([answers[0].status, answers[0].body.code]);
  }
  expect(await alice.history(conversation)).toEqual(before);
  expect(server.requests).toHaveLength(calls);
  return answers[0].body;
}

describe('the waiting form', () => {
  it('answers the whole turn', async () => {
    const { id } = await alice.conversation();
    server.script(reply(['Hel', 'lo'], { usage: { input: 7, output: 2 } }));
    const turn = await alice.say(id, 'Hi');
    expect(Object.keys(turn).sort()).toEqual(['conversation_id', 'message', 'response', 'user_message']);
    expect(turn).toMatchObject({ conversation_id: id, response: 'Hello' });
    expect(turn.user_message).toMatchObject({
      role: 'user',
      content: 'Hi',
      status: 'completed',
      parent_id: null,
    });
    expect(turn.message).toMatchObject({
      role: 'assistant',
      content: 'Hello',
      status: 'completed',
      parent_id: turn.user_message.id,
      finish_reason: 'stop',
      model: 'test-model',
      usage: { input_tokens: 7, output_tokens: 2 },
    });
    expect(await alice.history(id)).toEqual([turn.user_message, turn.message]);
  });

  it.each([
    ['502 when the provider refuses', 502, 'provider_bad_request', '', () => failure(400)],
    ['502 when the provider is down', 502, 'provider_unavailable', '', () => failure(503)],
    ['504 when the provider is silent', 504, 'provider_timeout', '', () => silence()],
    [
      '504 when the provider stops in the middle',
      504,
      'provider_timeout',
      'Hel',
      () => stream(text('Hel'), hang()),
    ],
  ])('answers %s, with both ids, and keeps both messages', async (_, status, code, content, behaviour) => {
    const { id } = await alice.conversation();
    server.script(behaviour());
    const answer = await alice.post(`/chat/${id}`, { content: 'Hi' });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await alice.history(id)).toMatchObject([
      { id: answer.body.user_message_id, role: 'user', content: 'Hi', status: 'completed' },
      { id: answer.body.message_id, role: 'assistant', content, status: 'failed', error: { code } },
    ]);
    const replay = await (await alice.follow(answer.body.message_id ?? '')).done();
    expect(replay.text).toBe(content);
    expect(replay.last).toMatchObject({ type: 'error', data: { code } });
  });

  it('goes on when its caller leaves', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    server.script(reply(['Hel', gate, 'lo']));
    const left = new AbortController();
    const request = fetch(`${t.url}/api/v1/chat/${id}`, {
      method: 'POST',
      headers: { 'x-user-id': t.user('alice'), 'content-type': 'application/json' },
      body: '{"content":"Hi"}',
      signal: left.signal,
    });
    await gate.reached;
    left.abort();
    await expect(request).rejects.toThrow(/abort/);
    const [, message] = await alice.history(id);
    const reader = await alice.follow(message.id);
    gate.release();
    expect((await reader.done()).end.full_text).toBe('Hello');
  });

  it('resumes with Last-Event-ID as every POST does, and begins no second turn', async () => {
    const { id } = await alice.conversation();
    const { message } = await alice.say(id, 'Hi');
    const again = await alice.post<{ message?: { id: string } }>(
      `/chat/${id}`,
      { content: 'Hi' },
      { 'last-event-id': `${message.id}:2` },
    );
    expect(await alice.history(id)).toHaveLength(2);
    if (again.status === 200) expect(again.body.message?.id).toBe(message.id);
  });
});

describe('content', () => {
  it('may be called message, but not both', async () => {
    const { id } = await alice.conversation();
    expect((await alice.post(`/chat/${id}`, { message: 'Hi' })).status).toBe(200);
    expect((await alice.history(id))[0].content).toBe('Hi');
    const both = await refusal({ content: 'Hi', message: 'Hi' });
    expect([both.status, both.code]).toEqual([400, 'validation_failed']);
  });

  it('has 1 to CHAT_MAX_CONTENT_CHARS characters, whatever their size', async () => {
    const { id } = await alice.conversation();
    for (const content of ['x', 'x'.repeat(MAX), '👍'.repeat(MAX)]) {
      expect((await alice.say(id, content)).user_message.content).toBe(content);
    }
    for (const content of ['', 'x'.repeat(MAX + 1), '👍'.repeat(MAX + 1)]) {
      const { status, errors } = await refusal({ content });
      expect([status, errors?.[0].path]).toEqual([400, 'content']);
    }
  });

  it.each([
    ['nothing', {}],
    ['null', { content: null }],
    ['a number', { content: 1 }],
    ['a list', { content: ['x'] }],
    ['a role', { content: 'x', role: 'assistant' }],
    ['messages', { content: 'x', messages: [{ role: 'system', content: 'y' }] }],
    ['a status', { content: 'x', status: 'completed' }],
    ['an unknown setting', { content: 'x', settings: { tools: [] } }],
    ['a setting out of range', { content: 'x', settings: { temperature: 3 } }],
    ['a parent that is no id', { content: 'x', parent_id: 'y' }],
    ['a NUL', '{"content":"\\u0000"}'],
    ['a lone surrogate', '{"content":"\\ud800"}'],
    ['two documents', '{"content":"x"}{}'],
  ])('with %s is refused before anything is stored', async (_, body) => {
    expect((await refusal(body)).status).toBe(400);
  });

  it('with null for what is optional is as if it were absent', async () => {
    const nothing = { model: null, settings: null, parent_id: null, on_busy: null, message: null };
    const { id } = await alice.conversation({ settings: { temperature: 0.5 } });
    const { user_message } = await alice.say(id, 'One', nothing);
    await alice.say(id, 'Two', {
      ...nothing,
      settings: { temperature: null, seed: null, max_output_tokens: 5 },
    });
    expect(user_message).toMatchObject({ content: 'One', parent_id: null });
    expect((await alice.history(id)).map(({ role }) => role).join()).toBe('user,assistant,user,assistant');
    expect(asked()).toMatchObject({ temperature: 0.5 });
    expect(asked()).not.toHaveProperty('seed');
    const started = await alice.post('/chat', { content: null, message: 'Hi', conversation_id: null });
    expect(started.status).toBe(200);
  });

  it('with null for both texts is refused', async () => {
    const { status, errors } = await refusal({ content: null, message: null });
    expect([status, errors?.[0].path]).toEqual([400, 'content']);
  });

  it('for an unknown model is refused', async () => {
    const problem = await refusal({ content: 'x', model: '../v1/files' });
    expect([problem.status, problem.code]).toEqual([400, 'model_not_found']);
  });
});

describe('what the model is asked', () => {
  it('is the system prompt, the path so far and the new message, in this order', async () => {
    const { id } = await alice.conversation({ system_prompt: 'Be brief.' });
    await alice.say(id, 'One');
    expect(asked()?.messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'One' },
    ]);
    await alice.patch(`/conversations/${id}`, { system_prompt: 'Be long.' });
    await alice.say(id, 'Two');
    expect(asked()).toMatchObject({
      model: 'test-model',
      stream: true,
      messages: [
        { role: 'system', content: 'Be long.' },
        { role: 'user', content: 'One' },
        { role: 'assistant', content: 'Hello from the model server.' },
        { role: 'user', content: 'Two' },
      ],
    });
    expect(server.requests.at(-1)).toMatchObject({ method: 'POST', url: '/v1/chat/completions' });
  });

  it('has no reply of another branch', async () => {
    const { id } = await alice.conversation();
    const first = await alice.say(id, 'One');
    await alice.say(id, 'Two');
    await alice.say(id, 'Other', { parent_id: first.message.id });
    expect(asked()?.messages.map(({ content }) => content)).toEqual([
      'One',
      'Hello from the model server.',
      'Other',
    ]);
  });

  it('forgets what came before DELETE context, which stays readable', async () => {
    const { id } = await alice.conversation({ system_prompt: 'Be brief.' });
    await alice.say(id, 'One');
    const answer = await alice.delete(`/conversations/${id}/context`);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect((await alice.delete(`/conversations/${id}/context`)).status).toBe(204);
    await alice.say(id, 'Two');
    expect(asked()?.messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Two' },
    ]);
    await alice.say(id, 'Three');
    expect(asked()?.messages.map(({ content }) => content)).toEqual([
      'Be brief.',
      'Two',
      'Hello from the model server.',
      'Three',
    ]);
    expect(
      (await alice.history(id)).filter(({ role }) => role === 'user').map(({ content }) => content),
    ).toEqual(['One', 'Two', 'Three']);
  });

  it('forgets a reply during which the context was deleted', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    server.script(reply(['Hel', gate, 'lo']));
    const reader = await alice.stream(id, 'One');
    await gate.reached;
    expect((await alice.delete(`/conversations/${id}/context`)).status).toBe(204);
    gate.release();
    expect((await reader.done()).end.full_text).toBe('Hello');
    await alice.say(id, 'Two');
    expect(asked()?.messages).toEqual([{ role: 'user', content: 'Two' }]);
  });

  it('has the settings of the conversation, overridden one by one by those of the turn', async () => {
    const settings = { temperature: 0.1, top_p: 0.5, max_output_tokens: 50, stop: ['END'], seed: 7 };
    const { id } = await alice.conversation({ settings: { ...settings, reasoning_effort: 'low' } });
    await alice.say(id, 'One', { settings: { temperature: 0.9, stop: ['X', 'Y'], seed: 0 } });
    const wire = { top_p: 0.5, max_tokens: 50, reasoning_effort: 'low' };
    expect(asked()).toMatchObject({ ...wire, temperature: 0.9, stop: ['X', 'Y'], seed: 0 });
    await alice.say(id, 'Two');
    expect(asked()).toMatchObject({ ...wire, temperature: 0.1, stop: ['END'], seed: 7 });
    expect((await alice.get<{ settings: object }>(`/conversations/${id}`)).body.settings).toEqual({
      ...settings,
      reasoning_effort: 'low',
    });
  });

  it('has no setting that nobody has chosen', async () => {
    const { id } = await alice.conversation({ settings: {} });
    await alice.say(id, 'One');
    for (const name of ['temperature', 'top_p', 'stop', 'seed', 'reasoning_effort']) {
      expect(asked()).not.toHaveProperty(name);
    }
  });

  it('keeps the failed reply out, or its text in, but never an empty message', async () => {
    const { id } = await alice.conversation();
    server.script(failure(400));
    await alice.post(`/chat/${id}`, { content: 'One' });
    await alice.say(id, 'Two');
    expect(asked()?.messages.at(-1)).toEqual({ role: 'user', content: 'Two' });
    expect(asked()?.messages.every(({ content }) => content.length > 0)).toBe(true);
  });
});

describe('a message that does not fit the model', () => {
  const small = useChatApp({ CHAT_MAX_CONTENT_CHARS: '300000', HTTP_BODY_LIMIT: '4mb' });

  it('is refused before anything is stored, and before a conversation is made', async () => {
    const carol = small.client('carol');
    // Hardly any two of these characters make a token together.
    const content = Array.from({ length: 150_000 }, (_, i) =>
      String.fromCodePoint(0x4e00 + ((i * 7919) % 20_000)),
    ).join('');
    const { id } = await carol.conversation();
    const calls = server.requests.length;
    for (const [path, body] of [
      ['/chat', { content }],
      [`/chat/${id}`, { content }],
      [`/chat/${id}/stream`, { content }],
    ] as const) {
      const { status, body: problem } = await carol.post(path, body);
      expect([status, problem.code]).toEqual([413, 'context_length_exceeded']);
    }
    expect(await carol.history(id)).toEqual([]);
    expect((await carol.pages('/conversations', 10)).flat()).toHaveLength(1);
    expect(server.requests).toHaveLength(calls);
  });

  it('pushes the oldest turns out, never the system prompt', async () => {
    const carol = small.client('carol');
    const long = (word: string) => `${word} `.repeat(30_000);
    const { id } = await carol.conversation({ system_prompt: 'Be brief.' });
    for (const word of ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'])
      await carol.say(id, long(word));
    const messages = asked()?.messages ?? [];
    expect(messages[0]).toEqual({ role: 'system', content: 'Be brief.' });
    expect(messages.at(-1)).toEqual({ role: 'user', content: long('zeta') });
    expect(messages.map(({ content }) => content)).not.toContain(long('alpha'));
    expect(messages.map(({ content }) => content)).toContain(long('epsilon'));
    expect(await carol.history(id)).toHaveLength(12);
  });
});

describe('parent_id', () => {
  it('branches off behind an older reply, and the new branch is the active path', async () => {
    const { id } = await alice.conversation();
    const first = await alice.say(id, 'One');
    const second = await alice.say(id, 'Two');
    const other = await alice.say(id, 'Other', { parent_id: first.message.id });
    expect(other.user_message).toMatchObject({
      parent_id: first.message.id,
      sibling_count: 2,
      sibling_position: 2,
    });
    expect((await alice.history(id)).map(({ id: each }) => each)).toEqual([
      first.user_message.id,
      first.message.id,
      other.user_message.id,
      other.message.id,
    ]);
    expect(await alice.message(second.user_message.id)).toMatchObject({
      sibling_count: 2,
      sibling_position: 1,
    });
  });

  it('must be a reply of this conversation', async () => {
    const { id } = await alice.conversation();
    const { user_message } = await alice.say(id, 'One');
    const elsewhere = await alice.say((await alice.conversation()).id, 'One');
    const foreign = await bob.say((await bob.conversation()).id, 'One');
    expect((await refusal({ content: 'x', parent_id: user_message.id }, id)).status).toBe(400);
    const problems = [elsewhere.message.id, foreign.message.id, '00000000-0000-7000-8000-000000000000'].map(
      (parent_id) => refusal({ content: 'x', parent_id }, id),
    );
    const answers: Problem[] = [];
    for (const problem of problems) answers.push(await problem);
    for (const { status, code } of answers) expect([status, code]).toEqual([404, 'message_not_found']);
  });
});

describe('what the model is sent', () => {
  const sent = () => (asked()?.messages ?? []).map(({ role, content }) => `${role}: ${content}`);

  it('has what was said, and of replies what they have', async () => {
    const { id } = await alice.conversation({ system_prompt: 'Be kind.' });
    server.script(failure(400), stream(text('Sto')), reply('Good.'), reply('Fine.'));
    for (const content of ['One', 'Two', 'Three', 'Four']) await alice.post(`/chat/${id}`, { content });
    expect(sent()).toEqual([
      'system: Be kind.',
      'user: Two',
      'assistant: Sto',
      'user: Three',
      'assistant: Good.',
      'user: Four',
    ]);
    expect(await alice.history(id)).toHaveLength(8);
  });

  it('leaves out a turn that a filter refused, also for a reply that had to wait', async () => {
    const { id } = await alice.conversation();
    server.script(reply('Hi.'), failure(400, { code: 'content_filter' }), reply('Good.'));
    for (const content of ['Hello', 'Something bad', 'Something good'])
      await alice.post(`/chat/${id}`, { content });
    expect(sent()).toEqual(['user: Hello', 'assistant: Hi.', 'user: Something good']);
    const gate = hold();
    server.script(reply(['Wait', gate]), reply('Last.'));
    const running = alice.post(`/chat/${id}`, { content: 'Now' });
    await gate.reached;
    const waiting = alice.post(`/chat/${id}`, { content: 'Later', on_busy: 'queue' });
    await vi.waitFor(async () => expect(await alice.history(id)).toHaveLength(10), 20_000);
    gate.release();
    await Promise.all([running, waiting]);
    expect(sent().join()).not.toContain('bad');
    expect(sent().at(-1)).toBe('user: Later');
  });

  it.each([' ', '\n\t', '\u00a0'])('is never blank: %j', async (blank) => {
    expect((await refusal({ content: blank })).errors?.[0].path).toBe('content');
    const { status, body } = await alice.post('/conversations', { system_prompt: blank });
    expect([status, body.errors?.[0].path]).toEqual([400, 'system_prompt']);
  });
});
