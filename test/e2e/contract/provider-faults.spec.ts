import {
  commentsOnly,
  cutAfter,
  data,
  done,
  echo,
  failure,
  finish,
  hang,
  html,
  lineEnds,
  pause,
  raw,
  redirect,
  reply,
  reset,
  silence,
  status,
  stream,
  text,
  trickle,
  usage,
} from '../../support/model-server/behaviours';
import type { Behaviour } from '../../support/model-server/exchange';
import { useChatApp } from '../../support/use-chat-app';

const KEY = 'test-key-0123456789';

const t = useChatApp({
  LLM_FIRST_EVENT_TIMEOUT_MS: '1000',
  LLM_IDLE_TIMEOUT_MS: '1000',
  LLM_TOTAL_TIMEOUT_MS: '4000',
  LLM_MAX_RETRIES: '1',
  LLM_MAX_REPLY_CHARS: '2000',
});
const { model: server } = t;
const alice = t.client('alice');
// A provider that fails all the time is not asked for a while; one good reply in between shows that it lives.
beforeEach(async () => {
  server.reset();
  await alice.say((await alice.conversation()).id, 'Are you there?');
  server.reset();
});

/** What the caller sees of a turn in which the model behaves so, once live and once later. */
async function turn(behaviour: Behaviour) {
  server.otherwise(behaviour);
  const { id } = await alice.conversation();
  const reader = await (await alice.stream(id, 'Hi')).done();
  const replay = await (await alice.follow(reader.messageId)).done();
  expect(replay.frames).toBe(reader.frames);
  expect(reader.complete).toBe(true);
  expect(reader.events.filter(({ type }) => type === 'end' || type === 'error')).toEqual([reader.last]);
  expect(reader.raw).not.toContain(KEY);
  const [user, message] = await alice.history(id);
  expect(user).toMatchObject({ role: 'user', content: 'Hi', status: 'completed' });
  expect(message.content).toBe(reader.text);
  const error = reader.last.type === 'error' ? reader.last.data : null;
  expect(message.error).toEqual(error);
  const after = server.requests.length;
  server.otherwise(reply('Fine again.'));
  expect((await alice.say(id, 'And now?')).response).toBe('Fine again.');
  return { text: reader.text, code: error?.code, message, calls: after };
}

describe('a reply fails, with a code and the text so far, if the provider', () => {
  it.each<[string, string, string, () => Behaviour]>([
    ['answers 400', 'provider_bad_request', '', () => failure(400)],
    ['answers 401 with our key in it', 'provider_auth_failed', '', () => failure(401, { message: KEY })],
    ['answers 403', 'provider_auth_failed', '', () => failure(403)],
    ['does not know the model', 'provider_model_not_found', '', () => failure(404)],
    [
      'finds the context too long',
      'context_length_exceeded',
      '',
      () => failure(400, { code: 'context_length_exceeded' }),
    ],
    ['filters the content', 'content_filter', '', () => failure(400, { code: 'content_filter' })],
    ['limits us', 'provider_rate_limited', '', () => failure(429, {}, { 'retry-after': '0' })],
    ['answers 500', 'provider_unavailable', '', () => failure(500)],
    ['answers 529', 'provider_overloaded', '', () => failure(529)],
    ['never answers', 'provider_timeout', '', () => silence()],
    ['sends only comments', 'provider_timeout', '', () => commentsOnly()],
    ['falls silent', 'provider_timeout', 'Hel', () => stream(text('Hel'), hang())],
    ['sends HTML', 'provider_invalid_response', '', () => html()],
    ['sends JSON with 200', 'provider_unavailable', '', () => status(200, { error: { message: KEY } })],
    ['redirects', 'provider_invalid_response', '', () => redirect('http://127.0.0.1:1/')],
    ['sends garbage', 'provider_invalid_response', 'Hel', () => stream(text('Hel'), data('{x'), text('lo'))],
    [
      'sends an error in the middle',
      'provider_unavailable',
      'Hel',
      () => stream(text('Hel'), data({ error: { message: KEY } })),
    ],
    ['sends nothing', 'upstream_empty', '', () => stream()],
    ['sends an end and no text', 'upstream_empty', '', () => reply('')],
  ])('%s', async (_, code, content, behaviour) => {
    const seen = await turn(behaviour());
    expect([seen.code, seen.text, seen.message.status]).toEqual([code, content, 'failed']);
  });

  it('talks for ever: the total time', async () => {
    const seen = await turn(reply('a '.repeat(100), { delayMs: 50 }));
    expect([seen.code, seen.message.status]).toEqual(['provider_timeout', 'failed']);
    expect(seen.text).toMatch(/^(a ?)+$/);
  });

  it('talks for ever: the total length', async () => {
    const seen = await turn(reply('abcdefgh '.repeat(1_000)));
    expect([seen.code, seen.message.status]).toEqual(['max_output', 'failed']);
    expect('abcdefgh '.repeat(1_000).startsWith(seen.text)).toBe(true);
    expect(seen.text.length).toBeGreaterThan(1_900);
    expect(seen.text.length).toBeLessThanOrEqual(2_000);
  });
});

it('a reply is completed by [DONE] without a finish reason, and the attempt says that it was assumed', async () => {
  const seen = await turn(reply('Hello you', { finish: null }));
  expect([seen.text, seen.message.status, seen.message.finish_reason]).toEqual([
    'Hello you',
    'completed',
    'stop',
  ]);
});

describe('a reply is not completed if the provider', () => {
  it.each<[string, () => Behaviour]>([
    ['ends without a word', () => reply('Hello you', { finish: null, done: false })],
    ['drops the connection', () => stream(text('Hello'), text(' you'), pause(30), reset())],
  ])('%s', async (_, behaviour) => {
    const seen = await turn(behaviour());
    expect(seen.text).toBe('Hello you');
    expect(['failed', 'interrupted']).toContain(seen.message.status);
    expect(seen.message.finish_reason).toBeNull();
  });

  it.each(['end', 'drop', 'reset'] as const)(
    'is cut anywhere (%s): the text is a clean prefix',
    async (how) => {
      const whole = 'Grüße 👩‍👧 an alle';
      for (const bytes of [1, 250, 334, 335, 336, 601]) {
        server.otherwise(cutAfter(bytes, reply(Array.from(whole)), how));
        const { id } = await alice.conversation();
        const reader = await (await alice.stream(id, 'Hi')).done();
        expect(reader.last.type).toBe('error');
        expect(whole.startsWith(reader.text)).toBe(true);
        expect((await alice.history(id))[1].content).toBe(reader.text);
        server.otherwise(reply('Fine again.'));
        await alice.say(id, 'And now?');
      }
    },
  );
});

describe('a reply is whole if the provider', () => {
  const WHOLE = 'Grüße\n\n👩‍👧 “x”';
  it.each<[string, () => Behaviour]>([
    ['sends no [DONE]', () => reply(WHOLE, { done: false })],
    ['sends one byte at a time', () => trickle(reply(WHOLE))],
    ['sends CRLF', () => lineEnds('\r\n', reply(WHOLE))],
    ['sends lone CRs', () => lineEnds('\r', reply(WHOLE))],
    [
      'sends a BOM and comments',
      () => stream(raw('\uFEFF: hi\n\n'), text(WHOLE), raw(': x\n'), finish(), done()),
    ],
    [
      'sends no space after data:',
      () =>
        stream(
          raw(`data:{"choices":[{"delta":{"content":${JSON.stringify(WHOLE)}}}]}\n\n`),
          finish(),
          done(),
        ),
    ],
    ['goes on after [DONE]', () => stream(text(WHOLE), finish(), done(), text('more'), hang())],
    [
      'sends odd chunks in between',
      () =>
        stream(
          ...[null, [], {}, { choices: [] }, { choices: [{}] }, { choices: [{ delta: null }] }].map(data),
          data({ choices: [{ index: 0, delta: { content: 7 } }] }),
          data({ choices: [{ index: 0, delta: { __proto__: { x: 1 }, tool_calls: null } }] }),
          text(WHOLE),
          finish(),
          usage(1, 2),
          done(),
        ),
    ],
    [
      'cuts a character in two',
      () =>
        stream(
          text('Grüße\n\n'),
          data('{"choices":[{"delta":{"content":"\\ud83d"}}]}'),
          rest(),
          finish(),
          done(),
        ),
    ],
  ])('%s', async (_, behaviour) => {
    const seen = await turn(behaviour());
    expect([seen.code, seen.text, seen.message.status]).toEqual([undefined, WHOLE, 'completed']);
    expect(seen.message.finish_reason).toBe('stop');
  });

  /** The second half of a woman, and all that follows. */
  function rest(): Behaviour {
    return data('{"choices":[{"delta":{"content":"\\udc69\\u200d👧 “x”"}}]}');
  }

  it('ends by length or filter, which the finish reason says', async () => {
    for (const reason of ['length', 'content_filter']) {
      const seen = await turn(reply('Hello', { finish: reason }));
      expect([seen.code, seen.message.status, seen.message.finish_reason]).toEqual([
        undefined,
        'completed',
        reason,
      ]);
    }
  });

  it('sends NUL or half characters: they are replaced, everywhere alike', async () => {
    const seen = await turn(
      stream(data('{"choices":[{"delta":{"content":"a\\u0000b\\ud800c"}}]}'), finish(), done()),
    );
    expect(seen.text).toBe('a\uFFFDb\uFFFDc');
  });
});

describe('attempts', () => {
  it('are repeated before the first token, and the caller sees one reply', async () => {
    const { id } = await alice.conversation();
    server.script(failure(503)).otherwise(reply('Hello'));
    const reader = await (await alice.stream(id, 'Hi')).done();
    expect(reader.end.full_text).toBe('Hello');
    expect(reader.events.filter(({ type }) => type === 'start')).toHaveLength(1);
    expect(server.requests).toHaveLength(2);
    expect(await alice.history(id)).toHaveLength(2);
  });

  it.each([
    ['after the first token', () => stream(text('Hel'), pause(20), reset())],
    ['when the request is at fault', () => failure(400)],
    ['when the credentials are at fault', () => failure(401)],
  ])('are not repeated %s', async (_, behaviour) => {
    expect((await turn(behaviour())).calls).toBe(1);
  });

  it('end, so that the next turn is not refused', async () => {
    const { id } = await alice.conversation();
    server.otherwise(silence());
    const { status: code, body } = await alice.post(`/chat/${id}`, { content: 'Hi' });
    expect([code, body.code]).toEqual([504, 'provider_timeout']);
    server.otherwise(echo());
    expect((await alice.say(id, 'Again')).response).toBe('Again');
  });
});
