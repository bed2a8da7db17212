// A chat page on the client that `npm run client` writes, without a framework or a build.
import * as parley from './parley/index.js';

const byId = (id) => document.getElementById(id);
const [messages, composer, signIn] = ['messages', 'composer', 'sign-in'].map(byId);

/** Headers that say who the user is. */
let identity = async () => ({});
const options = { baseUrl: '', headers: () => identity() };
parley.client.setConfig({ baseUrl: '', throwOnError: true });
parley.client.interceptors.request.use(async (request) => {
  for (const [header, value] of Object.entries(await identity())) request.headers.set(header, value);
  return request;
});

/** The conversation that is shown; undefined until something has been said in a new one. */
let shown = location.hash.slice(1) || undefined;
/** Aborts the reader of the reply that is shown while it runs. It ends the reader, not the reply. */
let reading;
/** Id of the message that the composer changes, if it is not a new one. */
let edited;

on(window, 'load', async () => {
  const { auth_mode: mode, default_user: isKnown } = (await parley.getAbout()).data;
  if (!isKnown && !(await resume(mode))) return showSignIn(mode);
  await Promise.all([listModels(), listConversations()]);
  open(shown).catch(explain);
  return watch();
});

// Who the user is

/** A page that is loaded has the refresh token in its cookie, or the name in its storage. */
async function resume(mode) {
  const { username } = localStorage;
  if (mode !== 'header') return refresh().catch(() => false);
  identity = async () => ({ 'X-User-ID': username });
  return username !== undefined;
}

function showSignIn(mode) {
  signIn.hidden = false;
  signIn.password.hidden = mode === 'header';
  on(signIn, 'submit', async () => {
    const [username, password] = [signIn.username.value, signIn.password.value];
    if (mode === 'header') localStorage.username = username;
    else await parley.createToken({ query: { cookie: true }, body: { username, password } });
    location.reload();
  });
}

let access;
let refreshing;

function keep({ data: { access_token: token, expires_in } }) {
  access = { token, until: Date.now() + (expires_in - 30) * 1000 };
  identity = async () => {
    if (Date.now() > access.until) await refresh();
    return { Authorization: `Bearer ${access.token}` };
  };
  return true;
}

/** Once for all who wait, with the cookie alone. */
function refresh() {
  const client = parley.createClient(parley.createConfig({ baseUrl: '', throwOnError: true }));
  const asked = () => parley.refreshToken({ client, body: {} }).then(keep);
  return (refreshing ??= asked().finally(() => (refreshing = undefined)));
}

// The side bar

async function listConversations() {
  const { data: page } = await parley.listConversations({ query: { limit: 100 } });
  byId('conversations').replaceChildren(...page.data.map(entryOf));
}

function entryOf({ id, title, running, unread }) {
  const rename = async () => {
    const other = prompt('Title', title);
    if (other) await parley.updateConversation({ path: { id }, body: { title: other } });
  };
  const remove = async () => {
    if (confirm(`Delete “${title}”?`)) await parley.deleteConversation({ path: { id } });
  };
  const show = button(`${running ? '… ' : unread ? '• ' : ''}${title}`, () => open(id));
  return element('li', '', show, button('Rename', rename), button('Delete', remove));
}

on(byId('search'), 'input', async () => {
  const q = byId('search').value;
  const hits = q.trim() ? (await parley.searchMessages({ query: { q } })).data.data : [];
  if (q === byId('search').value) byId('found').replaceChildren(...hits.map(hitOf));
});

/** Shows the path through a hit. */
function hitOf({ conversation, message_id: id, snippet, highlights }) {
  const hit = button('', async () => {
    if (id) await parley.selectBranch({ path: { id }, body: {} });
    await open(conversation.id);
    byId(id)?.scrollIntoView();
  });
  const ends = [0, ...highlights.flat(), snippet.length];
  for (let n = 1; n < ends.length; n++)
    hit.append(element(n % 2 ? 'span' : 'mark', '', snippet.slice(ends[n - 1], ends[n])));
  return element('li', '', hit);
}

/** What happens in other tabs, titles that the model finds, replies that end. Goes on by itself. */
async function watch() {
  for await (const { type, data } of parley.followEvents(options)) {
    await listConversations();
    const isHere = shown !== undefined && data.conversation_id === shown;
    if (isHere && type === 'conversation.deleted') await open();
    else if (isHere && type === 'reply.started' && !reading) open(shown).catch(explain);
  }
}

// The conversation

/** Shows a conversation, and goes on with the reply that runs in it. */
async function open(id) {
  reading?.abort();
  address(id);
  const stored = id ? (await parley.getConversation({ path: { id } })).data.messages : [];
  if (shown !== id) return;
  messages.replaceChildren(...stored.map(articleOf));
  composer.scrollIntoView();
  const running = stored.find(({ status }) => status === 'streaming' || status === 'queued');
  if (running) await read((signal) => parley.followReply({ ...options, messageId: running.id, signal }));
  else if (id) await parley.readConversation({ path: { id } });
}

/** Keeps what is shown in the address, where it is after a reload. */
function address(id) {
  shown = id;
  edited = undefined;
  history.replaceState(null, '', id ? `#${id}` : location.pathname);
}

/** Draws a reply while it comes, and then what was stored of it. */
async function read(begin) {
  reading?.abort();
  const mine = (reading = new AbortController());
  byId('stop').hidden = !(byId('send').hidden = true);
  const article = element('article', 'assistant');
  try {
    for await (const { type, data } of begin(mine.signal)) {
      if (type === 'start') {
        address(data.conversation_id);
        byId(data.message_id)?.remove();
        messages.append(article);
      }
      if (type === 'chunk') article.append(data.content);
      if (type === 'error') explain(data);
    }
  } catch (failure) {
    if (!mine.signal.aborted) throw failure;
  } finally {
    if (reading === mine) {
      reading = undefined;
      byId('stop').hidden = !(byId('send').hidden = false);
      if (!mine.signal.aborted) await open(shown);
    }
  }
}

function articleOf({ id, role, content, sibling_ids: versions, feedback }) {
  const tools = element('footer', '');
  const article = Object.assign(element('article', role, content, tools), { id });
  const tool = (text, label, act, disabled) => {
    const made = button(text, () => act().then(() => open(shown)), label);
    tools.append(Object.assign(made, { disabled }));
  };
  const place = versions.indexOf(id);
  const select = (to) => () => parley.selectBranch({ path: { id: versions[to] }, body: {} });
  if (versions.length > 1) {
    tool('‹', 'Previous version', select(place - 1), place === 0);
    tools.append(`${place + 1}/${versions.length}`);
    tool('›', 'Next version', select(place + 1), place === versions.length - 1);
  }
  const edit = () => {
    edited = id;
    composer.content.value = content;
    composer.content.focus();
  };
  const rate = (rating) => () => parley.createFeedback({ body: { message_id: id, rating } });
  if (role === 'user') tools.append(button('Edit', edit));
  else {
    tools.append(button('Regenerate', () => renew(id, { action: 'regenerate' })));
    tool('Good', 'Good', rate(5), feedback?.rating === 5);
    tool('Bad', 'Bad', rate(1), feedback?.rating === 1);
  }
  return article;
}

/** Another version of a message. What is below belongs to the version before. */
async function renew(messageId, version) {
  while (messages.lastElementChild.id !== messageId) messages.lastElementChild.remove();
  messages.lastElementChild.remove();
  if (version.turn) messages.append(element('article', 'user', version.turn.content));
  await read((signal) => parley.streamVersion({ ...options, messageId, ...version, signal }));
}

// The composer

async function listModels() {
  const { data: page } = await parley.listModels();
  const choices = page.data.map(({ id, default: isDefault }) => new Option(id, id, isDefault, isDefault));
  composer.model.replaceChildren(...choices);
}

on(composer, 'submit', async () => {
  const turn = { content: composer.content.value, model: composer.model.value };
  composer.content.value = '';
  if (edited) return renew(edited, { action: 'edit', turn });
  messages.append(element('article', 'user', turn.content));
  return read((signal) => parley.streamTurn({ ...options, conversationId: shown, turn, signal }));
});

on(byId('stop'), 'click', () => parley.stopReply({ path: { conversation_id: shown } }));
on(byId('new'), 'click', () => open());

// Elements

function element(tag, className, ...content) {
  const made = Object.assign(document.createElement(tag), { className });
  made.append(...content);
  return made;
}

function button(text, act, ariaLabel = null) {
  return on(Object.assign(element('button', '', text), { type: 'button', ariaLabel }), 'click', act);
}

/** What fails in a handler is told. */
function on(target, type, act) {
  target.addEventListener(type, async (event) => {
    event.preventDefault();
    byId('problem').textContent = '';
    await Promise.resolve(act()).catch(explain);
  });
  return target;
}

/** Problems of the service have a `detail`, events and errors a `message`, that can be shown. */
function explain({ detail, message }) {
  byId('problem').textContent = detail ?? message;
}
