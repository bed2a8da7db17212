import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DataSource } from 'typeorm';
import { bearer, logIn, newKey, type Person, signUp } from '../../support/accounts';
import { captureLogs } from '../../support/log-capture';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import type { ApiClient } from '../../support/api-client';
import { useChatApp } from '../../support/use-chat-app';
import { UserFeedClient } from '../../support/user-feed-client';

/** The journal of a reply is dropped so long after its end at the latest. */
const JOURNAL_KEPT_MS = 30_000;

const logs = captureLogs('trace');
const t = useChatApp(
  {
    AUTH_MODE: 'token',
    JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e',
    LOG_LEVEL: 'trace',
  },
  { own: 'reads its log and all rows', overrides: [logs.override] },
);
const { model } = t;

/** A word that is nowhere else, by what it was put into. */
class Canaries {
  readonly words: Record<string, string> = {};

  in(place: string): string {
    return (this.words[place] ??= `canary${randomBytes(9).toString('hex')}`);
  }

  /** Where the words went that a text has, also as bytes of a dump. */
  foundIn(text: string): string[] {
    return Object.keys(this.words).filter((place) => {
      const word = this.words[place];
      return text.includes(word) || text.includes(Buffer.from(word).toString('hex'));
    });
  }
}

/** Writes a word into everything that takes one, deletes some of it again, and leaves a reply running. */
async function writeEverywhere(person: Person, canaries: Canaries): Promise<() => void> {
  const { api } = person;
  const word = (place: string) => canaries.in(place);
  // What happens from now on is kept for their feeds.
  (await UserFeedClient.open(t.url, { headers: { authorization: `Bearer ${person.access}` } })).close();
  const { id } = await api.conversation({
    title: word('title'),
    system_prompt: word('system prompt'),
    metadata: { [word('metadata name')]: word('metadata value') },
    settings: { stop: [word('settings')] },
  });
  await api.patch(`/conversations/${id}`, { title: word('another title') });
  model.script(reply(word('reply')));
  const { message } = await api.say(id, word('message'));
  await api.post(`/messages/${message.parent_id}/edit`, { content: word('edited message') });
  await api.post('/feedback', {
    message_id: message.id,
    rating: 1,
    comment: word('comment'),
    tags: [word('tag')],
  });
  model.script(reply(word('reply that is shared and deleted')));
  const shared = await api.conversation({ title: word('title that is shared') });
  const said = await api.say(shared.id, word('message that is shared and deleted'));
  await index(api, canaries, 'reply that is shared and deleted');
  await api.post(`/conversations/${shared.id}/shares`, {});
  await api.post(`/conversations/${shared.id}/shares`, { live: true });
  await api.delete(`/messages/${said.user_message.id}`);
  const key = { 'Idempotency-Key': word('idempotency key') };
  await api.post('/conversations', { title: word('repeatable title') }, key);
  await api.post(`/conversations/${id}/fork`, {}, { 'Idempotency-Key': word('key of a fork') });
  await api.post('/providers', {
    name: word('provider name').slice(0, 40),
    base_url: `http://127.0.0.1:9/${word('provider address')}/v1`,
    api_key: word('provider key'),
    models: [word('provider model')],
  });
  await newKey(person, { name: word('name of an API key') });
  await api.ticket();
  const gone = await api.conversation({ title: word('deleted title') });
  await api.say(gone.id, word('deleted message'));
  await index(api, canaries, 'deleted message');
  await api.delete(`/conversations/${gone.id}`);
  await bearer(t.url).post('/auth/token', { username: word('username'), password: word('wrong password') });
  const gate = hold();
  model.script(reply([word('running reply'), gate, word('never said')]));
  const stream = await api.stream(id, word('last message'));
  await gate.reached;
  const queued = api.open('POST', `/chat/${id}/stream`, {
    content: word('queued message'),
    on_busy: 'queue',
  });
  while (!canaries.foundIn(await dump()).includes('queued message')) await sleep(50);
  return () => {
    gate.release();
    void Promise.all([stream.done(), queued.then((reader) => reader.done())]).catch(() => undefined);
  };
}

/** A search puts into the index what was said. */
async function index(api: ApiClient, canaries: Canaries, place: string): Promise<void> {
  const { body } = await api.get<{ data: object[] }>(`/search?q=${canaries.in(place)}`);
  expect(body.data.length).toBeGreaterThan(0);
  const [{ found }] = await t.app
    .get(DataSource)
    .query<[{ found: boolean }]>(
      'SELECT EXISTS (SELECT 1 FROM search_entries WHERE strpos(tokens::text, $1) > 0) AS found',
      [canaries.in(place)],
    );
  expect(found).toBe(true);
}

/** Every row of every table, and what `pg_dump` makes of the database where there is one. */
async function dump(): Promise<string> {
  const database = t.app.get(DataSource);
  const tables = await database.query<{ name: string }[]>(
    `SELECT quote_ident(table_name) AS name FROM information_schema.tables
     WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`,
  );
  const rows: { row: string }[] = await database.query(
    tables.map(({ name }) => `SELECT '${name} ' || r::text AS row FROM ${name} r`).join(' UNION ALL '),
  );
  const { url } = t.config.database;
  const dumped = url && (await promisify(execFile)('pg_dump', [url]).catch(() => undefined));
  return [...rows.map(({ row }) => row), dumped ? dumped.stdout : ''].join('\n');
}

/** All that is in `DATA_DIR` besides the database itself. */
async function filesBeside(): Promise<string> {
  if (t.config.database.url) return '';
  const { dataDir } = t.config.database;
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true });
  const own = entries.filter(
    (entry) => entry.isFile() && !entry.parentPath.startsWith(join(dataDir, 'postgres')),
  );
  const contents = await Promise.all(
    own.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1')),
  );
  return [...own.map(({ name }) => name), ...contents].join('\n');
}

describe('somebody who is erased', () => {
  it('is in no row, no line of the log, and no file', async () => {
    const canaries = new Canaries();
    const name = canaries.in('username');
    const person = await signUp(t.url, name, canaries.in('password'));
    const again = await logIn(t.url, name, canaries.in('password'));
    const leave = await writeEverywhere({ ...person, api: bearer(t.url, again.access_token) }, canaries);
    await index(person.api, canaries, 'message');
    expect(canaries.foundIn(await dump()).length).toBeGreaterThan(15);
    expect((await person.api.delete(`/users/${person.id}`)).status).toBe(204);
    leave();
    canaries.words['user id'] = person.id;
    canaries.words['access token'] = person.access;
    canaries.words['refresh token'] = person.refresh.split('_').at(-1) ?? '';
    let left = await dump();
    for (const end = Date.now() + JOURNAL_KEPT_MS; left.includes('reply_journal ') && Date.now() < end;) {
      await sleep(500);
      left = await dump();
    }
    expect(canaries.foundIn(left)).toEqual([]);
    expect(left).toContain('deleted:');
    expect(canaries.foundIn(await filesBeside())).toEqual([]);
    // The record that somebody did something goes to the log as well, under the id alone.
    expect(canaries.foundIn(logs.lines.join('\n'))).toEqual(['user id']);
  }, 120_000);
});
