import { EventSource as NativeEventSource } from 'eventsource';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { signUp, PASSWORD } from '../../support/accounts';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { type ModelServer, startModelServer } from '../../support/model-server';
import { echo, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { until } from '../../support/until';
import { clientFolder, compile, COMPILER_OPTIONS } from '../../support/written-client';

const GUIDE = readFileSync(resolve('docs/front-end.md'), 'utf8');
const ADDRESS = 'http://127.0.0.1:3000';
interface Answer {
  conversationId: string;
  messageId: string;
  text: string;
  ended: string;
}
type Show = (answer: Answer) => void;
interface Message {
  id: string;
  content: string;
  sibling_ids: string[];
}

/** What the blocks export. */
interface Guide {
  session: { headers: () => Promise<Record<string, string>> };
  send: (content: string, show: Show, conversationId?: string) => Promise<Answer>;
  stop: (conversationId: string) => Promise<string>;
  open: (conversationId: string, show: Show) => Promise<Message[]>;
  watch: (conversationId: string, signal: AbortSignal, show: Show) => Promise<void>;
  sendNext: (content: string, conversationId: string, show: Show) => Promise<Answer>;
  cancel: (messageId: string) => Promise<string>;
  renew: (version: object, show: Show) => Promise<Answer>;
  showVersion: (message: Message, step: 1 | -1) => Promise<Message[]>;
  sendIn: (key: string, content: string, show: Show) => Promise<Answer>;
  sideBar: () => Promise<string[]>;
  read: (id: string) => Promise<void>;
  watchAll: (
    signal: AbortSignal,
    on: { changed: (conversationId: string) => void; reset: () => void },
    after?: string,
  ) => Promise<void>;
  retitle: (id: string) => Promise<void>;
  explain: (failure: unknown) => string;
  conversations: () => AsyncGenerator<{ id: string; title: string | null; pinned: boolean }>;
  rename: (id: string, title: string) => Promise<void>;
  pin: (id: string, pinned: boolean) => Promise<void>;
  remove: (id: string) => Promise<void>;
  search: (q: string) => Promise<{ html: string; conversationId: string; messageId: string | null }[]>;
  pathThrough: (conversationId: string, messageId: string) => Promise<Message[]>;
  rate: (messageId: string, rating: 1 | 5, more?: { comment?: string; tags?: string[] }) => Promise<string>;
  share: (conversationId: string, until?: Date) => Promise<string>;
  readShared: (token: string) => Promise<{ title: string | null; messages: { content: string }[] }>;
  copyShared: (token: string) => Promise<string>;
  stopSharing: (conversationId: string) => Promise<void>;
  signIn: (username: string, password: string) => Promise<void>;
  signInWithCookie: (username: string, password: string) => Promise<void>;
  resume: () => Promise<boolean>;
  signOut: () => Promise<void>;
  nativeFeed: (conversationId: string) => Promise<NativeEventSource>;
}

interface Block {
  heading: string;
  code: string;
}

function blocksOf(markdown: string): Block[] {
  return markdown.split(/^##+ /m).flatMap((section) =>
    Array.from(section.matchAll(/^```ts\n([^]*?)^```$/gm), ([, code]) => ({
      heading: section.split('\n', 1)[0],
      code,
    })),
  );
}

let model: ModelServer;
let t: TestApp;
let tokens: TestApp;
let folder: string;
/** Functions of the guide that a test has called. */
const called = new Set<string>();
const ignore = () => undefined;

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

beforeAll(async () => {
  model = await startModelServer();
  t = await createTestApp({ env: model.env });
  tokens = await createTestApp({ env: { ...model.env, AUTH_MODE: 'token' } });
  folder = await clientFolder();
  const blocks = blocksOf(GUIDE);
  const code = blocks.map((block) => block.code).join('\n');
  expect(code.split(ADDRESS)).toHaveLength(2);
  for (const [name, { url }] of Object.entries({ guide: t, signedIn: tokens }))
    writeFileSync(join(folder, `${name}.ts`), code.replace(ADDRESS, url));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: COMPILER_OPTIONS, include: ['guide.ts', 'signedIn.ts'] }),
  );
  await compile(folder);
  // A compiler takes long on a busy machine.
}, 300_000);
beforeEach(() => {
  model.reset();
  model.otherwise(echo());
});
afterAll(async () => {
  await tokens.close();
  await t.close();
  await model.close();
});

/** As Node loads it, and not as the tests are loaded. */
function load(name: string): Guide {
  return createRequire(join(folder, 'package.json'))(`./${name}.js`) as Guide;
}

function guide(name = 'guide'): Guide {
  const exported = load(name);
  return new Proxy(exported, {
    get: (target, key: keyof Guide) => {
      called.add(key);
      return target[key];
    },
  });
}

it('sends, and shows the reply as it comes', async () => {
  const { send } = guide();
  const shown: string[] = [];
  const first = await send('One two three', ({ text }) => shown.push(text));
  expect(first).toMatchObject({ text: 'One two three', ended: 'stop' });
  expect(shown).toContain('One two');
  const second = await send('Four', ignore, first.conversationId);
  expect(second.conversationId).toBe(first.conversationId);
});

it('stops a reply, and goes on with it', async () => {
  const { send, stop, renew } = guide();
  const gate = hold();
  model.script(reply(['Half of', gate, ' it']));
  let running: Answer | undefined;
  const sending = send('x', (answer) => (running = answer));
  await until(async () => running?.text);
  expect(await stop(running?.conversationId ?? '')).toBe('stopped');
  const { messageId } = await sending;
  expect(running).toMatchObject({ text: 'Half of', ended: 'stopped' });
  model.script(reply(' all.'));
  expect((await renew({ action: 'continue', messageId }, ignore)).text).toBe('Half of all.');
  expect((await renew({ action: 'regenerate', messageId }, ignore)).text).toBe('x');
});

it('edits', async () => {
  const { send, renew, open } = guide();
  const { conversationId } = await send('Before', ignore);
  const [{ id: messageId }] = await open(conversationId, ignore);
  expect((await renew({ action: 'edit', messageId, turn: { content: 'After' } }, ignore)).text).toBe('After');
  expect((await open(conversationId, ignore)).map(({ content }) => content)).toEqual(['After', 'After']);
});

it('walks through versions', async () => {
  const { send, renew, open, showVersion } = guide();
  const { conversationId } = await send('One', ignore);
  const [{ id: messageId }] = await open(conversationId, ignore);
  await renew({ action: 'edit', messageId, turn: { content: 'Two' } }, ignore);
  const [second] = await open(conversationId, ignore);
  const shown = await showVersion(second, -1);
  expect(shown.map(({ content }) => content)).toEqual(['One', 'One']);
  expect(await showVersion(shown[0], -1)).toEqual([]);
  expect((await showVersion(shown[0], 1)).map(({ content }) => content)).toEqual(['Two', 'Two']);
});

it('names conversations by keys of its own, and shows in a side bar and on one feed what happens', async () => {
  const { session, sendIn, sideBar, read, watchAll, retitle } = guide();
  const before = session.headers;
  session.headers = async () => ({ 'X-User-ID': 'watcher' });
  const leave = new AbortController();
  try {
    const { conversationId } = await sendIn('my-page', 'Hello side bar', ignore);
    expect((await sendIn('my-page', 'Again', ignore)).conversationId).toBe(conversationId);
    expect(await sideBar()).toEqual(['• Hello side bar']);
    const changed: string[] = [];
    const on = { changed: (id: string) => void changed.push(id), reset: ignore };
    const watching = watchAll(leave.signal, on).catch((error: unknown) => error);
    await until(async () => {
      await read(conversationId);
      await sendIn('my-page', 'And again', ignore);
      return changed.includes(conversationId);
    });
    await read(conversationId);
    expect(await sideBar()).toEqual(['  Hello side bar']);
    await retitle(conversationId);
    leave.abort();
    expect(await watching).toBe(leave.signal.reason as unknown);
  } finally {
    leave.abort();
    session.headers = before;
  }
});

it('goes on after a reload, and shows the reply in other tabs', async () => {
  const { send, open, watch } = guide();
  const { conversationId } = await send('Hello', ignore);
  const leave = new AbortController();
  const gate = hold();
  model.script(reply(['Slow', gate, ' and sure.']));
  const sending = send('Again', ignore, conversationId);
  await gate.reached;
  let elsewhere: Answer | undefined;
  const watching = watch(conversationId, leave.signal, (answer) => (elsewhere = answer));
  let reloaded: Answer | undefined;
  const opening = open(conversationId, (answer) => (reloaded = answer));
  await until(async () => reloaded?.text === 'Slow' && elsewhere?.text === 'Slow');
  gate.release();
  const answer = await sending;
  expect((await opening).length).toBe(4);
  expect(reloaded).toEqual(answer);
  await until(async () => elsewhere?.ended === 'stop');
  expect(elsewhere).toEqual(answer);
  leave.abort();
  await expect(watching).rejects.toBe(leave.signal.reason as unknown);
});

it('queues, cancels, and explains what was refused', async () => {
  const { send, sendNext, cancel, explain, open } = guide();
  const { conversationId } = await send('Hello', ignore);
  const gate = hold();
  model.script(reply(['Slow', gate, '.']));
  const sending = send('First', ignore, conversationId);
  await gate.reached;
  const refused = await send('Second', ignore, conversationId).catch((error: unknown) => error);
  expect(explain(refused)).toMatch(/Queue this/);
  const third = sendNext('Third', conversationId, ignore);
  const messages = await until(async () => {
    const { body } = await t.as('alice').get(`/api/v1/conversations/${conversationId}`);
    const found = (body.messages as { id: string; status: string }[]).find(
      ({ status }) => status === 'queued',
    );
    return found && [found];
  });
  expect(await cancel(messages[0].id)).toBe('stopped');
  gate.release();
  expect((await sending).text).toBe('Slow.');
  expect((await third).ended).toBe('stopped');
  const missing = await open('019a5b1c-7f00-7000-8000-00000000000a', ignore).catch((error: unknown) => error);
  expect(missing).toMatchObject({ status: 404, code: 'conversation_not_found' });
  const unexpected = new Error('Something else');
  expect(() => explain(unexpected)).toThrow(unexpected);
});

it('searches, and shows the path through a hit', async () => {
  const { send, search, pathThrough } = guide();
  const said = await send('Where do <puffins> nest?', ignore);
  const hits = await search('puff');
  expect(hits.map(({ html }) => html)).toContain('Where do &#60;<mark>puffins</mark>&#62; nest?');
  const hit = hits.find(({ messageId }) => messageId === said.messageId);
  expect(hit?.conversationId).toBe(said.conversationId);
  const path = await pathThrough(said.conversationId, said.messageId);
  expect(path.map(({ id }) => id)).toContain(said.messageId);
});

it('lists, renames, pins, deletes and rates', async () => {
  const { session, send, conversations, rename, pin, remove, rate } = guide();
  const before = session.headers;
  session.headers = async () => ({ 'X-User-ID': 'lister' });
  try {
    const answers: Answer[] = [];
    for (let index = 0; index < 52; index++) answers.push(await send(`No ${index}`, ignore));
    const [first, second] = answers;
    await rename(first.conversationId, 'The first');
    await pin(first.conversationId, true);
    await remove(second.conversationId);
    const listed = await all(conversations());
    expect(listed).toHaveLength(51);
    const found = listed.find(({ id }) => id === first.conversationId);
    expect(found).toMatchObject({ title: 'The first', pinned: true });
    expect(await rate(first.messageId, 1)).toBe(
      await rate(first.messageId, 5, { comment: 'Better than I thought', tags: ['clear'] }),
    );
  } finally {
    session.headers = before;
  }
});

it('shares a conversation, copies it, and stops sharing', async () => {
  const { send, open, share, readShared, copyShared, stopSharing } = guide();
  const { conversationId } = await send('Shared', ignore);
  const token = await share(conversationId, new Date(Date.now() + 60_000));
  const { title, messages } = await readShared(token);
  expect([title, messages.map(({ content }) => content)]).toEqual(['Shared', ['Shared', 'Shared']]);
  const copy = await copyShared(await share(conversationId));
  expect((await open(copy, ignore)).map(({ content }) => content)).toEqual(['Shared', 'Shared']);
  await stopSharing(conversationId);
  await expect(readShared(token)).rejects.toMatchObject({ code: 'share_not_found' });
});

it('opens a native feed with a ticket', async () => {
  vi.stubGlobal('EventSource', NativeEventSource);
  const { send, nativeFeed } = guide();
  const { conversationId } = await send('Hello', ignore);
  const feed = await nativeFeed(conversationId);
  try {
    const texts: string[] = [];
    feed.addEventListener('message', ({ data }) => texts.push(data as string));
    await until(async () => feed.readyState === NativeEventSource.OPEN);
    await send('And?', ignore, conversationId);
    await until(async () => texts.some((text) => text.includes('"type":"end"')));
  } finally {
    feed.close();
    vi.unstubAllGlobals();
  }
});

it('signs in, and renews its token once for all who wait', async () => {
  await signUp(tokens.url, 'alice');
  const { signIn, send, conversations } = guide('signedIn');
  const refused = await signIn('alice', 'not the password').catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'invalid_credentials' });
  await signIn('alice', PASSWORD);
  await send('Hello', ignore);
  const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 14.9 * 60_000);
  try {
    const texts = ['One', 'Two', 'Three'];
    const answers = await Promise.all(texts.map((text) => send(text, ignore)));
    expect(answers.map(({ text }) => text)).toEqual(texts);
    expect(await all(conversations())).toHaveLength(4);
  } finally {
    now.mockRestore();
  }
});

/** `fetch` with the cookies of a browser. */
function withCookies(send: typeof fetch): typeof fetch {
  const cookies = new Map<string, string>();
  return async (input, init) => {
    const request = new Request(input, init);
    const path = new URL(request.url).pathname;
    if (cookies.size && path.startsWith('/api/v1/auth/'))
      request.headers.set('cookie', [...cookies].map((pair) => pair.join('=')).join('; '));
    const response = await send(request);
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(';', 1)[0].split('=');
      if (value) cookies.set(name, value);
      else cookies.delete(name);
    }
    return response;
  };
}

it('signs in with a cookie, goes on after a reload, and signs out', async () => {
  await signUp(tokens.url, 'carol');
  vi.stubGlobal('fetch', withCookies(fetch));
  try {
    const { session, signInWithCookie, resume, send, signOut } = guide('signedIn');
    const before = session.headers;
    await signInWithCookie('carol', PASSWORD);
    expect((await send('Hello', ignore)).text).toBe('Hello');
    // What a reload loses.
    session.headers = before;
    expect(await resume()).toBe(true);
    const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 14.9 * 60_000);
    expect((await send('Again', ignore)).text).toBe('Again');
    now.mockRestore();
    await signOut();
    expect(await resume()).toBe(false);
  } finally {
    vi.unstubAllGlobals();
  }
});

it('has every function called here', () => {
  expect([...called].sort()).toEqual(Object.keys(load('guide')).sort());
});
