import { createHash, randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import { STORAGE_BOUNDS } from '../../src/config/bounds';
import { Shares } from '../../src/shares/shares.service';
import { Counters } from '../../src/usage/counters';
import { ApiClient, type ChatMessage, type Conversation, type Page, type Turn } from '../support/api-client';
import {
  done,
  finish,
  reasoning,
  reply,
  stream as streamOf,
  text as textEvent,
} from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { useChatApp } from '../support/use-chat-app';

const t = useChatApp({}, { own: 'reads all rows, and counts what one network reads' });
const { model } = t;
const alice = t.client('alice');
const bob = t.client('bob');
const anybody = new ApiClient(() => t.url);

interface Share {
  id: string;
  conversation_id: string;
  message_id: string | null;
  title: string | null;
  live: boolean;
  created_at: string;
  expires_at: string | null;
}
interface NewShare extends Share {
  token: string;
  url: string;
}
interface Shared {
  title: string | null;
  messages: { role: string; content: string; parts: object[]; created_at: string }[];
  messages_truncated?: true;
  created_at: string;
}

const rows = <T extends object>(sql: string, parameters: unknown[] = []) =>
  t.app.get(DataSource).query<T[]>(sql, parameters);
const textsOf = ({ messages }: Shared) => messages.map(({ role, content }) => `${role}: ${content}`);
const wrongCounters = async () =>
  (await t.app.get(Counters, { strict: false }).recount({ correct: false })).wrong;

async function share(id: string, body: object = {}, user = alice): Promise<NewShare> {
  const answer = await user.post<NewShare>(`/conversations/${id}/shares`, body);
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
  return answer.body;
}

async function read({ token }: Pick<NewShare, 'token'>): Promise<Shared> {
  const answer = await anybody.get<Shared>(`/shared/${token}`);
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.body;
}
const statusOf = async ({ token }: Pick<NewShare, 'token'>) => (await anybody.get(`/shared/${token}`)).status;

/** With two turns. */
async function talked(title = 'Norway'): Promise<{ id: string; turns: Turn[] }> {
  const { id } = await alice.conversation({ title, system_prompt: 'A secret prompt.' });
  model.script(reply('Oslo.'));
  const first = await alice.say(id, 'The capital?');
  model.script(reply('700,000.'));
  return { id, turns: [first, await alice.say(id, 'How many people?')] };
}
const TALK = ['user: The capital?', 'assistant: Oslo.', 'user: How many people?', 'assistant: 700,000.'];

describe('a share', () => {
  it('shows title and texts to whoever has the link, and nothing else', async () => {
    const { id, turns } = await talked();
    await alice.post('/feedback', { message_id: turns[1].message.id, rating: 1, comment: 'Feedback.' });
    const made = await share(id);
    expect(made).toMatchObject({
      conversation_id: id,
      message_id: turns[1].message.id,
      title: 'Norway',
      live: false,
      expires_at: null,
      url: `${t.url}/#/shared/${made.token}`,
    });
    const answer = await anybody.get<Shared>(`/shared/${made.token}`);
    expect(answer.headers.get('x-robots-tag')).toBe('noindex');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body.messages[1]).toEqual({
      role: 'assistant',
      content: 'Oslo.',
      parts: [{ type: 'text', text: 'Oslo.' }],
      created_at: expect.any(String),
    });
    expect(Object.keys(answer.body).sort()).toEqual(['created_at', 'messages', 'title']);
    expect([answer.body.title, textsOf(answer.body)]).toEqual(['Norway', TALK]);
    const ids = turns.flatMap(({ message, user_message }) => [message.id, user_message.id]);
    for (const secret of [t.user('alice'), id, made.id, ...ids, 'secret prompt', 'Feedback'])
      expect(answer.text).not.toContain(secret);
  });

  it('leaves out what the model thought', async () => {
    const { id } = await alice.conversation();
    model.script(streamOf(reasoning('The system prompt says …'), textEvent('Yes.'), finish(), done()));
    await alice.say(id, 'Really?');
    const { messages } = await read(await share(id));
    expect(messages.map(({ content }) => content)).toEqual(['Really?', 'Yes.']);
    expect(JSON.stringify(messages)).not.toContain('system prompt');
  });

  it('ends at the message that is named', async () => {
    const { id, turns } = await talked();
    const made = await share(id, { message_id: turns[0].message.id });
    expect(textsOf(await read(made))).toEqual(TALK.slice(0, 2));
    const asked = await share(id, { message_id: turns[1].user_message.id });
    expect(textsOf(await read(asked))).toEqual(TALK.slice(0, 3));
  });

  it('shows what there was, whatever comes and goes later', async () => {
    const { id, turns } = await talked();
    const made = await share(id);
    await alice.say(id, 'And now?');
    await alice.patch(`/conversations/${id}`, { title: 'Another' });
    await (await alice.open('POST', `/messages/${turns[0].message.id}/regenerate`)).done();
    const before = await read(made);
    expect([before.title, textsOf(before)]).toEqual(['Norway', TALK]);
    expect((await alice.delete(`/messages/${turns[1].message.id}`)).status).toBe(204);
    expect(await read(made)).toEqual(before);
    expect((await alice.delete(`/messages/${turns[0].user_message.id}`)).status).toBe(204);
    expect(await read(made)).toEqual(before);
    expect(await wrongCounters()).toEqual([]);
    expect((await alice.delete(`/shares/${made.id}`)).status).toBe(204);
    expect(await statusOf(made)).toBe(404);
    expect(await rows('SELECT 1 FROM shares WHERE id = $1', [made.id])).toEqual([]);
    expect(await wrongCounters()).toEqual([]);
  });

  it('keeps each path that ends at a message of what is deleted, and that only', async () => {
    const { id, turns } = await talked();
    const whole = await share(id);
    const short = await share(id, { message_id: turns[0].message.id });
    await alice.delete(`/messages/${turns[1].user_message.id}`);
    expect(textsOf(await read(whole))).toEqual(TALK);
    expect(textsOf(await read(short))).toEqual(TALK.slice(0, 2));
    const kept = await rows<{ id: string }>(
      'SELECT id FROM shares WHERE kept IS NOT NULL AND conversation_id = $1',
      [id],
    );
    expect(kept).toEqual([{ id: whole.id }]);
  });

  it('keeps so much for one deletion, and otherwise deletes nothing', async () => {
    const { id } = await alice.conversation();
    const long = 'x'.repeat(99_000);
    model.otherwise(reply('Yes.'));
    const turns = [];
    for (let n = 0; n < 10; n++) turns.push(await alice.say(id, long));
    const shares = [];
    for (let n = 0; n < 5; n++) shares.push(await share(id));
    const last = turns[turns.length - 1].message.id;
    // Five copies of a path of 1 MB are kept, nine are too much.
    for (let n = 0; n < 4; n++) shares.push(await share(id));
    const refused = await alice.delete(`/messages/${last}`);
    expect([refused.status, refused.body]).toMatchObject([409, { code: 'too_much_shared' }]);
    expect(await alice.message(last)).toMatchObject({ content: 'Yes.' });
    for (const made of shares.splice(5)) await alice.delete(`/shares/${made.id}`);
    expect((await alice.delete(`/messages/${last}`)).status).toBe(204);
    expect((await read(shares[0])).messages).toHaveLength(20);
    expect(await wrongCounters()).toEqual([]);
  });

  it('that is live shows what there is', async () => {
    const { id, turns } = await talked();
    const made = await share(id, { live: true });
    const through = await share(id, { live: true, message_id: turns[0].message.id });
    expect([made.message_id, made.title]).toEqual([null, null]);
    model.script(reply('A lot.'));
    const { user_message } = await alice.say(id, 'And now?');
    await alice.patch(`/conversations/${id}`, { title: 'Another' });
    const now = [...TALK, 'user: And now?', 'assistant: A lot.'];
    expect([(await read(made)).title, textsOf(await read(made))]).toEqual(['Another', now]);
    expect(textsOf(await read(through))).toEqual(now);
    const gate = hold();
    model.script(reply(['Half of ', gate, 'it']));
    const stream = await alice.stream(id, 'Running');
    await gate.reached;
    expect(textsOf(await read(made))).toEqual([...now, 'user: Running']);
    gate.release();
    await stream.done();
    await alice.delete(`/messages/${user_message.id}`);
    expect(textsOf(await read(made))).toEqual(TALK);
    await alice.delete(`/messages/${turns[0].message.id}`);
    expect(textsOf(await read(made))).toEqual(TALK.slice(0, 1));
    expect(await statusOf(through)).toBe(404);
  });

  it('is of a path that is over, and of messages of the conversation', async () => {
    const { id, turns } = await talked();
    const other = await alice.conversation();
    const path = `/conversations/${id}/shares`;
    const empty = await alice.post(`/conversations/${other.id}/shares`);
    expect([empty.status, empty.body.code]).toEqual([409, 'conversation_empty']);
    expect((await read(await share(other.id, { live: true }))).messages).toEqual([]);
    const elsewhere = await alice.post(`/conversations/${other.id}/shares`, {
      message_id: turns[0].message.id,
    });
    expect(elsewhere.body.code).toBe('message_not_found');
    expect((await bob.post(path)).body.code).toBe('conversation_not_found');
    expect((await alice.post(path, { message_id: 'x' })).status).toBe(400);
    expect((await alice.post(path, { live: 'yes' })).status).toBe(400);
    expect((await alice.post(path, { live: null, message_id: null, expires_at: null })).status).toBe(201);
    const gate = hold();
    model.script(reply([gate, 'x']));
    const stream = await alice.stream(id, 'Running');
    const running = await alice.post(path);
    expect([running.status, running.body.code]).toEqual([409, 'reply_in_progress']);
    gate.release();
    await stream.done();
  });

  it('ends when it is to end, and is swept', async () => {
    const { id, turns } = await talked();
    const path = `/conversations/${id}/shares`;
    for (const expires_at of ['2020-01-01T00:00:00Z', 'tomorrow', '2100-01-01T00:00:00Z', 5])
      expect([expires_at, (await alice.post(path, { expires_at })).status]).toEqual([expires_at, 400]);
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    const made = await share(id, { expires_at });
    expect(made.expires_at).toBe(expires_at);
    await alice.delete(`/messages/${turns[1].message.id}`);
    expect(textsOf(await read(made))).toEqual(TALK);
    await rows(`UPDATE shares SET expires_at = now() - interval '1 second' WHERE id = $1`, [made.id]);
    expect(await statusOf(made)).toBe(404);
    expect((await alice.get<Page<Share>>(`/shares?conversation_id=${id}`)).body.data).toEqual([]);
    expect((await alice.delete(`/shares/${made.id}`)).status).toBe(404);
    expect(await t.app.get(Shares, { strict: false }).sweep(10)).toBe(1);
    expect(await rows('SELECT 1 FROM shares WHERE id = $1', [made.id])).toEqual([]);
    expect(await wrongCounters()).toEqual([]);
  });

  it('goes with its conversation', async () => {
    const { id, turns } = await talked();
    const made = await share(id);
    await alice.delete(`/messages/${turns[1].message.id}`);
    await alice.delete(`/conversations/${id}`);
    expect(await statusOf(made)).toBe(404);
    expect(await rows('SELECT 1 FROM shares WHERE conversation_id = $1', [id])).toEqual([]);
  });

  it('is not shown while its owner is locked out', async () => {
    const { id } = await talked();
    const made = await share(id);
    const lock = (active: boolean) =>
      rows('UPDATE users SET is_active = $2 WHERE id = (SELECT user_id FROM shares WHERE id = $1)', [
        made.id,
        active,
      ]);
    await lock(false);
    expect(await statusOf(made)).toBe(404);
    await lock(true);
    expect(await statusOf(made)).toBe(200);
  });

  it('is stored without its token', async () => {
    const { id } = await talked();
    const { token } = await share(id);
    const [{ row }] = await rows<{ row: string }>(
      'SELECT s::text AS row FROM shares s WHERE token_hash = $1',
      [createHash('sha256').update(token).digest()],
    );
    expect(row).not.toContain(token);
    expect(row).not.toContain(Buffer.from(token).toString('hex'));
  });

  it.each(['x', randomBytes(32).toString('base64url'), '%00', 'a'.repeat(500)])(
    'is not there under %j',
    async (token) => {
      expect((await anybody.get(`/shared/${encodeURIComponent(token)}`)).status).toBe(404);
      expect((await bob.post(`/shared/${encodeURIComponent(token)}/copy`)).status).toBe(404);
    },
  );
});

describe('what is shared', () => {
  const limited = useChatApp({ RATE_LIMITS: 'on' });

  it('is read so often from one network', async () => {
    const answer = await new ApiClient(limited.url).get(`/shared/${randomBytes(32).toString('base64url')}`);
    expect(answer.headers.get('ratelimit-policy')).toContain('"shared";q=300;w=60');
  });
});

describe('a long path', () => {
  it('is shown from its end', async () => {
    const { id } = await alice.conversation();
    const { message } = await alice.say(id, 'Begin');
    const { sharedMessages, sharedBytes } = STORAGE_BOUNDS;
    const grow = async (count: number, text: string) => {
      const [{ depth }] = await rows<{ depth: number }>(
        'SELECT max(depth) AS depth FROM messages WHERE conversation_id = $1',
        [id],
      );
      await rows(
        `INSERT INTO messages (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, parts, created_at, updated_at)
         SELECT gen_random_uuid(), conversation_id, user_id, id, branch_id, $2 + n, $2 + n, 'assistant', 'completed',
           jsonb_build_array(jsonb_build_object('type', 'text', 'text', $4::text || n)), now(), now()
         FROM messages, generate_series(1, $3) AS n WHERE id = $1`,
        [message.id, depth, count, text],
      );
      await rows(
        `UPDATE conversations SET last_sequence = $2::int, active_leaf_id = (SELECT id FROM messages WHERE conversation_id = $1 ORDER BY depth DESC LIMIT 1)
         WHERE id = $1`,
        [id, depth + count],
      );
    };
    await grow(sharedMessages.limit, 'n');
    const many = await read(await share(id));
    expect([many.messages.length, many.messages_truncated]).toEqual([sharedMessages.limit, true]);
    expect(many.messages.at(-1)?.content).toBe(`n${sharedMessages.limit}`);
    await grow(10, 'x'.repeat(sharedBytes.limit / 8));
    const long = await read(await share(id));
    expect([long.messages.length, long.messages_truncated]).toEqual([7, true]);
    await rows('DELETE FROM conversations WHERE id = $1', [id]).catch(() => undefined);
    await alice.delete(`/conversations/${id}`);
  });
});

describe('shares', () => {
  it('are listed newest first, by conversation, and paged', async () => {
    const carol = t.client('carol');
    const { id } = await carol.conversation({ key: 'mine' });
    await carol.say(id, 'Hi');
    const other = await carol.conversation();
    const made: string[] = [];
    for (const of of [id, other.id, id, id]) made.push((await share(of, { live: true }, carol)).id);
    const listed = (await carol.get<Page<Share>>('/shares')).body.data;
    expect(listed.map((each) => each.id)).toEqual(made.toReversed());
    expect(listed.map((each) => 'token' in each || 'url' in each)).toEqual(Array(4).fill(false));
    for (const name of [id, 'mine'])
      expect((await carol.get<Page<Share>>(`/shares?conversation_id=${name}`)).body.data).toHaveLength(3);
    expect((await carol.get('/shares?conversation_id=no-such')).body).toMatchObject({
      code: 'conversation_not_found',
    });
    expect((await carol.pages<Share>('/shares', 3)).map(({ length }) => length)).toEqual([3, 1]);
    expect((await bob.delete(`/shares/${made[0]}`)).body.code).toBe('share_not_found');
    expect((await carol.post('/conversations/mine/shares', { live: true })).status).toBe(201);
  });

  it('are a thousand of one user at most', async () => {
    const dave = t.client('dave');
    const { id } = await dave.conversation();
    await share(id, { live: true }, dave);
    await rows(
      `INSERT INTO shares (user_id, id, conversation_id, token_hash, live, created_at)
       SELECT user_id, gen_random_uuid(), conversation_id, decode(md5(n::text), 'hex'), true, now()
       FROM shares, generate_series(2, $2) AS n WHERE conversation_id = $1`,
      [id, STORAGE_BOUNDS.sharesOfUser.limit],
    );
    const refused = await dave.post(`/conversations/${id}/shares`, { live: true });
    expect([refused.status, refused.body.code]).toEqual([409, 'too_many_shares']);
    await dave.delete(`/conversations/${id}`);
  });
});

describe('a copy', () => {
  it("is a conversation of the reader's own, to go on from", async () => {
    const { id, turns } = await talked();
    const made = await share(id);
    const { status, body } = await bob.post<Conversation>(`/shared/${made.token}/copy`);
    expect([status, body]).toMatchObject([201, { title: 'Norway', system_prompt: null }]);
    expect(body.id).not.toBe(id);
    const history = await bob.history(body.id);
    expect(history.map(({ role, content }) => `${role}: ${content}`)).toEqual(TALK);
    expect(history.map(({ status: state }) => state)).toEqual(Array(4).fill('completed'));
    const ids = new Set(turns.flatMap(({ message, user_message }) => [message.id, user_message.id]));
    expect(history.some((message: ChatMessage) => ids.has(message.id))).toBe(false);
    const replayed = await (await bob.follow(history[1].id)).done();
    expect(replayed.text).toBe('Oslo.');
    model.script(reply('Bergen.'));
    const next = await bob.say(body.id, 'The second city?');
    expect(next.message.content).toBe('Bergen.');
    const asked = model.requests.at(-1)?.body as { messages: { content: string }[] };
    expect(asked.messages.map(({ content }) => content)).toEqual([
      ...TALK.map((line) => line.split(': ')[1]),
      'The second city?',
    ]);
    await alice.delete(`/conversations/${id}`);
    expect(await bob.history(body.id)).toHaveLength(6);
    expect(await wrongCounters()).toEqual([]);
  });

  it('is of what was deleted as well, is made once for a key, and needs somebody', async () => {
    const { id, turns } = await talked();
    const made = await share(id);
    await alice.delete(`/messages/${turns[0].message.id}`);
    const copy = () =>
      bob.post<Conversation>(`/shared/${made.token}/copy`, undefined, { 'idempotency-key': `copy-${id}` });
    const [first, second] = [await copy(), await copy()];
    expect([first.status, second.body.id]).toEqual([201, first.body.id]);
    expect(await bob.history(first.body.id)).toHaveLength(4);
    expect((await anybody.post(`/shared/${made.token}/copy`)).status).toBe(401);
    await bob.delete(`/conversations/${first.body.id}`);
    expect(await wrongCounters()).toEqual([]);
  });
});

describe('quotas', () => {
  const small = useChatApp({ QUOTA_STORED_BYTES: '2kb' });

  it('hold for copies', async () => {
    const owner = small.client('owner');
    const { id } = await owner.conversation();
    small.model.script(reply('x'.repeat(1500)));
    await owner.say(id, 'Long');
    const made = await owner.post<NewShare>(`/conversations/${id}/shares`);
    expect(made.status).toBe(201);
    const reader = small.client('reader');
    expect((await reader.post(`/shared/${made.body.token}/copy`)).status).toBe(201);
    const refused = await reader.post(`/shared/${made.body.token}/copy`);
    expect([refused.status, refused.body.code]).toEqual([429, 'quota_exceeded']);
    expect((await reader.get<Page<Conversation>>('/conversations')).body.data).toHaveLength(1);
  });
});

describe('with SHARING=off', () => {
  const off = useChatApp({ SHARING: 'off' });

  it('nothing is shared, and a page is told so', async () => {
    const user = off.client('alice');
    const { id } = await user.conversation();
    for (const answer of [
      await user.post(`/conversations/${id}/shares`, { live: true }),
      await new ApiClient(off.url).get(`/shared/${randomBytes(32).toString('base64url')}`),
      await user.post(`/shared/${randomBytes(32).toString('base64url')}/copy`),
    ])
      expect([answer.status, answer.body.code]).toEqual([404, 'sharing_disabled']);
    const about = async (client: ApiClient) =>
      (await client.get<{ sharing: boolean; features: string[] }>('')).body;
    expect(await about(new ApiClient(off.url))).toMatchObject({ sharing: false });
    expect((await about(new ApiClient(off.url))).features).not.toContain('shares');
    expect(await about(anybody)).toMatchObject({ sharing: true });
    expect((await about(anybody)).features).toContain('shares');
  });
});
